package llm

// Text is the inside of a JSON string as it was written, its escapes included and its quotes not. Both sides of a
// translation spell texts as JSON strings, so they are carried over without being unescaped and escaped again. Who
// makes one has checked that it is well-formed.
type Text []byte

// Conversation is a chat request in the neutral language. It is made by a Codec from a Request, spelled by a provider's
// client, and never changed in between. Its slices may alias the request's body. The zero value asks for nothing.
type Conversation struct {
	Turns []Turn
	Tools []Tool
	// Choice says whether and which tools must be called.
	Choice Choice
	// OneCall asks for at most one tool call in a turn.
	OneCall bool
	// MaxOutput is the most tokens wanted back, reasoning included; 0 where nothing was said.
	MaxOutput int
	// OutputField is what the request calls MaxOutput; "" is max_tokens.
	OutputField string
	// Temperature, TopP, TopK, Seed and the penalties are numbers as they were written; "" where nothing was said.
	Temperature, TopP, TopK, Seed, PresencePenalty, FrequencyPenalty string
	Stop                                                             []Text
	Format                                                           Format
	Reasoning                                                        Reasoning
	// User is an opaque id of the person behind the application.
	User Text
	// Tier is the service tier as the request's dialect calls it.
	Tier string
	// CacheKey is what requests with a common beginning share, for the provider's prompt cache.
	CacheKey Text
	// Verbosity is "low", "medium" or "high"; "" where nothing was said.
	Verbosity string

	// Uses lists everything the request makes use of that some dialect or model does not have, in the order of the
	// request: what Plan decides by.
	Uses []Use
}

// Use is one thing a request makes use of.
type Use struct {
	Feature Feature
	Field   string // in the request's own spelling, for the person who is told that it was dropped or refused
}

// mostNames is how many fields are named for one feature; a request can make use of it in as many as it likes.
const mostNames = 40

// Use notes that the request makes use of f in field. Beyond some fields of one feature "..." stands for the others.
func (c *Conversation) Use(f Feature, field string) {
	n := 0
	for i := range c.Uses {
		if c.Uses[i].Feature != f {
			continue
		}
		if n++; n > mostNames || c.Uses[i].Field == field {
			return
		}
	}
	if n == mostNames {
		field = "..."
	}
	c.Uses = append(c.Uses, Use{f, field})
}

// Role is who speaks in a turn.
type Role uint8

// The roles. Results of tools are parts of a user's turn.
const (
	System Role = iota + 1
	User
	Assistant
)

// Turn is what one side says before the other answers. Neighbours may have the same role.
type Turn struct {
	Role      Role
	Developer bool // a system turn that was called a developer's
	Name      Text // of the speaker, where several share a role
	Parts     []Part
	// Prefix marks an assistant's last turn as one that the answer shall continue.
	Prefix bool
}

// PartKind is what a Part is.
type PartKind uint8

// The kinds of parts.
const (
	PartText       PartKind = iota + 1 // Text
	PartImage                          // Data with Media, or URL, or FileID; Detail
	PartAudio                          // Data with Media
	PartFile                           // Data with Media, or URL, or FileID, or Text; Name
	PartThinking                       // Text, and Signature with Origin
	PartToolCall                       // ID, Name, Args
	PartToolResult                     // ID, Parts, Failed
	PartRefusal                        // Text
	PartOpaque                         // Raw with Origin: what only its maker understands
)

// Part is one piece of a turn. Order and bytes are kept; what a part does not use is zero.
type Part struct {
	Kind PartKind
	Text Text
	// Media is the type of Data in lower case, such as "image/png".
	Media string
	// Data is base64.
	Data   Text
	URL    Text
	FileID Text // at the vendor that keeps the file
	Name   Text // of a tool, or of a file
	Detail string
	// ID is a tool call's, in the spelling of whoever made it. A result carries its call's.
	ID string
	// Args are a call's arguments: JSON as the model wrote it, which need not be valid, or plain text of a Custom tool.
	Args   []byte
	Custom bool
	Parts  []Part // of a tool's result
	Failed bool   // the tool failed
	// Signature proves to Origin that a thinking part is its own; Raw is the whole of an opaque part. Both go back to
	// who made them and to nobody else.
	Signature Text
	Origin    string
	Raw       []byte
	// Cache marks the end of a prefix that the provider should keep: "5m" or "1h"; "" for none.
	Cache string
	// Cite asks for citations of a file.
	Cite bool
}

// Tool is one that the model may call.
type Tool struct {
	Name        Text
	Description Text
	// Schema is the JSON Schema of the arguments; nil where there are none.
	Schema []byte
	// Strict asks the provider to keep the arguments to the schema: nil where nothing was said.
	Strict *bool
	// Custom marks a tool that takes free text instead of arguments.
	Custom bool
	// Hosted marks a tool that the provider runs itself; Raw is its declaration, in the words of the request's dialect.
	Hosted bool
	Raw    []byte
	Cache  string
}

// ChoiceMode says whether tools must be called.
type ChoiceMode uint8

// The modes. The zero value leaves it to the provider, which means auto where there are tools.
const (
	ChoiceDefault ChoiceMode = iota
	ChoiceAuto
	ChoiceNone
	ChoiceAny // at least one
	ChoiceOne // the one named
)

// Choice is a tool choice.
type Choice struct {
	Mode    ChoiceMode
	Name    Text   // of ChoiceOne
	Allowed []Text // with ChoiceAuto or ChoiceAny: only these may be called; nil: all
}

// FormatKind is the form an answer shall have.
type FormatKind uint8

// The forms.
const (
	FormatText FormatKind = iota
	FormatJSON
	FormatSchema
)

// Format is the form an answer shall have.
type Format struct {
	Kind        FormatKind
	Name        Text
	Description Text
	Schema      []byte // JSON Schema
	Strict      *bool
}

// Reasoning is how much a model shall think before it answers. The zero value leaves it to the model.
type Reasoning struct {
	// Effort is "none", "minimal", "low", "medium", "high", "xhigh" or "max"; "" where no level was named.
	Effort string
	// Budget is a bound in tokens; 0 where none was named.
	Budget int
	// Shown asks for the text of the reasoning.
	Shown bool
}

// Asked reports whether anything was said about reasoning.
func (r Reasoning) Asked() bool { return r.Effort != "" || r.Budget > 0 }

// Efforts are the levels of reasoning, least first.
var Efforts = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}
