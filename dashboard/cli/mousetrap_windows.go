package cli

import "github.com/spf13/cobra"

// allowDoubleClick turns off cobra's habit of refusing to run from the Explorer: a double click starts the tray.
func allowDoubleClick() { cobra.MousetrapHelpText = "" }
