package tray

import (
	"net"
	"strings"
	"unicode"
	"unicode/utf8"
)

// State is everything the tray shows. It is a value: the menu, the icon and the
// tooltip are made from it alone, so two equal states always look the same.
type State struct {
	// Status is one word: running, degraded, stopped, starting, exposed or
	// error. It picks the icon and stands in the first line of the menu.
	Status string
	// Address is the host and port of the gateway, such as 127.0.0.1:3636.
	Address string
	// Today sums up the day, such as "312 requests, 1.2 M tokens, $0.84 today".
	// Empty hides its line.
	Today string
	// Detail says why the state is not plain running and what to do. Empty
	// hides its line.
	Detail string
	// Running reports whether the gateway's port is open: it decides between
	// "Stop gateway" and "Start gateway".
	Running bool
	// Keys are the keys of applications, in the order they are shown.
	Keys []Key
	// Choices are what can answer all requests of a key, in the order they
	// are shown: routers, then models by provider.
	Choices []Choice
	// Offline reports whether no request leaves this machine.
	Offline bool
}

// Key is one application's key as the menu shows it.
type Key struct {
	ID, Name string
	Enabled  bool
	// Selected is the Value of the choice that answers all its requests.
	// Empty: the application names the model.
	Selected string
}

// The words for State.Status.
const (
	Running  = "running"
	Degraded = "degraded"
	Stopped  = "stopped"
	Starting = "starting"
	Exposed  = "exposed"
	Failed   = "error"
)

// maxKeys is how many keys the menu holds; the rest is in the dashboard. The
// lines are made once and only shown or hidden, since a line that is added or
// removed closes a menu that is open.
const maxKeys = 12

// Longer texts are cut: a menu as wide as the screen helps nobody.
const (
	maxDetail = 110
	maxName   = 40
)

// verb is what a click on a line does.
type verb string

const (
	nothing       verb = ""
	toggleGateway verb = "toggle gateway"
	openDashboard verb = "open dashboard"
	copyEndpoint  verb = "copy endpoint"
	newKey        verb = "new key"
	toggleKey     verb = "toggle key"
	openKey       verb = "open key"
	chooseModel   verb = "choose model"
	toggleOffline verb = "toggle offline mode"
	quitApp       verb = "quit"
)

// line is one line of the menu. The shape of the tree (how many lines, which of
// them have a submenu, a tick or a rule) is the same for every state; only what
// a line says, whether it can be clicked and whether it is shown varies.
type line struct {
	label   string
	rule    bool // a separator
	tick    bool // has a check box
	checked bool
	enabled bool
	hidden  bool
	verb    verb
	on      bool   // toggles: what a click asks for
	key     string // toggleKey, openKey, chooseModel: the key's id
	choice  string // chooseModel: what is to answer; empty: what the application asks for
	lines   []line // the submenu
}

// menuOf returns the whole menu for a state.
func menuOf(s State) []line {
	endpoint := Endpoint(s.Address)
	toggle := line{label: "Start gateway", enabled: s.Status != Starting, verb: toggleGateway, on: true}
	if s.Running {
		toggle = line{label: "Stop gateway", enabled: true, verb: toggleGateway, on: false}
	}
	return []line{
		{label: titleOf(s)},
		{label: s.Today, hidden: s.Today == ""},
		{label: cut(oneLine(s.Detail), maxDetail), hidden: s.Detail == ""},
		{rule: true},
		toggle,
		{label: "Open dashboard", enabled: true, verb: openDashboard},
		{label: "Copy endpoint address", enabled: endpoint != "", verb: copyEndpoint},
		{label: "New API key", enabled: true, verb: newKey},
		{label: "Keys", enabled: true, lines: keyLines(s)},
		{label: "Offline mode (local models only)", tick: true, checked: s.Offline, enabled: true, verb: toggleOffline, on: !s.Offline},
		{rule: true},
		{label: "Quit", enabled: true, verb: quitApp},
	}
}

// keyLines returns the submenu of keys: a hint where there is none, a line with
// a submenu for each of the first ones, and the way to the others.
func keyLines(s State) []line {
	offered := offer(s.Choices)
	lines := make([]line, 0, maxKeys+2)
	lines = append(lines, line{label: "No keys yet: choose New API key", hidden: len(s.Keys) > 0})
	for i := range maxKeys {
		if i >= len(s.Keys) {
			lines = append(lines, line{hidden: true, lines: oneKey(Key{}, nil, false)})
			continue
		}
		key := s.Keys[i]
		name := key.Name
		if strings.TrimSpace(name) == "" {
			name = key.ID
		}
		lines = append(lines, line{label: cut(oneLine(name), maxName), enabled: true, lines: oneKey(key, withSelected(offered, s.Choices, key.Selected), len(s.Choices) > maxChoices)})
	}
	return append(lines, line{label: "More in the dashboard ...", enabled: true, hidden: len(s.Keys) <= maxKeys, verb: openDashboard})
}

// oneKey returns the submenu of a key: what answers its requests, one of which
// is ticked, then the rest.
func oneKey(key Key, choices []Choice, more bool) []line {
	there := key.ID != ""
	lines := make([]line, 0, maxChoices+4)
	lines = append(lines, line{label: "As the application asks", tick: true, checked: there && key.Selected == "", enabled: there, verb: chooseModel, key: key.ID})
	for i := range maxChoices {
		if i >= len(choices) {
			lines = append(lines, line{tick: true, hidden: true})
			continue
		}
		c := choices[i]
		lines = append(lines, line{label: cut(oneLine(c.Label), maxName), tick: true, checked: c.Value == key.Selected, enabled: true, verb: chooseModel, key: key.ID, choice: c.Value})
	}
	return append(lines,
		line{label: "More in the dashboard ...", enabled: true, hidden: !more, verb: openDashboard},
		line{label: "Enabled", tick: true, checked: key.Enabled, enabled: there, verb: toggleKey, on: !key.Enabled, key: key.ID},
		line{label: "Open usage", enabled: there, verb: openKey, key: key.ID})
}

// titleOf returns the first line: the truth at a glance. A stopped gateway has
// no address, since nothing listens there.
func titleOf(s State) string {
	if s.Address == "" || s.Status == Stopped {
		return "LocalRouter - " + s.Status
	}
	return "LocalRouter - " + s.Status + " on " + s.Address
}

// tooltipOf returns what is shown while pointing at the icon. Windows takes no
// more than 127 UTF-16 units.
func tooltipOf(s State) string {
	text := "LocalRouter - " + s.Status
	if s.Today != "" {
		text += "\n" + s.Today
	}
	return cut(text, 120)
}

// iconOf returns the name of the picture. While starting, a lever that moves
// says that something happens; every other state stands still.
func iconOf(s State, frame int) string {
	switch s.Status {
	case Starting:
		return [...]string{"starting-1", "starting-2", "starting-3"}[frame%3]
	case Running, Degraded, Exposed, Failed:
		return s.Status
	}
	return Stopped
}

// Endpoint returns the base address that an application is given for a gateway
// that listens at address, or "" where that is no host and port. A gateway on
// all interfaces is reached on loopback from this machine.
func Endpoint(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "" {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return "http://" + net.JoinHostPort(host, port) + "/v1"
}

// oneLine returns text with line breaks and other control characters as spaces:
// a name or a cause is somebody's words, and a menu line has one row.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// cut returns text with at most limit characters; what was left out shows as
// three dots.
func cut(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	runes := []rune(text)
	return strings.TrimRight(string(runes[:limit-3]), " ") + "..."
}
