package openai

import (
	"bytes"
	"math"
	"slices"
	"strconv"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// Decode puts a chat request into the neutral language; see llm.Codec. The Conversation aliases req.Body wherever a
// text can be taken over as it was written. What is null, or says what holds anyway, is not there.
func (Codec) Decode(req *llm.Request) (*llm.Conversation, error) {
	r := &reading{c: &llm.Conversation{}, message: -1, part: -1}
	r.members(req.Body, "", func(key, v []byte) {
		if read := requestFields[string(key)]; read != nil {
			read(r, v)
		} else {
			r.unknown("", key, v)
		}
	})
	if r.err == nil {
		r.settle()
	}
	if r.err != nil {
		return nil, r.err
	}
	return r.c, nil
}

// reading is the state of one Decode.
type reading struct {
	c   *llm.Conversation
	err *llm.Error // the first defect

	message, part int // where in the request it is, for messages; -1: not there
	unknowns      int

	sawMessages bool
	functions   bool // the deprecated form of tools came
	effortField string
	talk        dialogue
}

// requestFields reads each field of a request.
var requestFields = map[string]func(r *reading, v []byte){
	"model":          func(*reading, []byte) {}, // the head has it
	"stream":         func(*reading, []byte) {},
	"stream_options": (*reading).streamOptions,
	"messages":       (*reading).messages,

	"max_completion_tokens": func(r *reading, v []byte) {
		r.c.MaxOutput, r.c.OutputField = r.limit(v, "max_completion_tokens"), "max_completion_tokens"
	},
	"max_tokens": func(r *reading, v []byte) {
		if n := r.limit(v, "max_tokens"); r.c.OutputField == "" { // the other wins
			r.c.MaxOutput = n
		}
	},
	"temperature": func(r *reading, v []byte) { r.c.Temperature = r.number(v, "temperature") },
	"top_p":       func(r *reading, v []byte) { r.c.TopP = r.number(v, "top_p") },
	"top_k":       func(r *reading, v []byte) { r.tuning(&r.c.TopK, v, "top_k", llm.FeatureTopK) },
	"seed":        func(r *reading, v []byte) { r.tuning(&r.c.Seed, v, "seed", llm.FeatureSeed) },
	"presence_penalty": func(r *reading, v []byte) {
		r.penalty(&r.c.PresencePenalty, v, "presence_penalty")
	},
	"frequency_penalty": func(r *reading, v []byte) {
		r.penalty(&r.c.FrequencyPenalty, v, "frequency_penalty")
	},
	"stop": (*reading).stop,

	"n": func(r *reading, v []byte) {
		if n, _ := strconv.ParseFloat(r.number(v, "n"), 64); n != 1 {
			r.c.Use(llm.FeatureChoices, "n")
		}
	},
	"logprobs":     func(r *reading, v []byte) { r.flag(v, "logprobs", llm.FeatureLogprobs) },
	"top_logprobs": func(r *reading, v []byte) { r.positive(v, "top_logprobs", llm.FeatureLogprobs) },
	"logit_bias":   func(r *reading, v []byte) { r.object(v, "logit_bias", llm.FeatureLogitBias) },

	"tools":               (*reading).tools,
	"tool_choice":         (*reading).toolChoice,
	"parallel_tool_calls": func(r *reading, v []byte) { r.c.OneCall = !r.boolean(v, "parallel_tool_calls") },
	"functions":           (*reading).oldFunctions,
	"function_call":       (*reading).oldChoice,

	"response_format":  (*reading).format,
	"reasoning_effort": func(r *reading, v []byte) { r.effort(v, "reasoning_effort") },
	"reasoning":        (*reading).reasoning,
	"enable_thinking":  func(r *reading, v []byte) { r.think(v, "enable_thinking") }, // Qwen
	"think":            func(r *reading, v []byte) { r.think(v, "think") },           // Ollama
	"verbosity":        (*reading).verbosity,

	"user": func(r *reading, v []byte) {
		if u := r.id(v, "user", llm.FeatureUser); len(r.c.User) == 0 {
			r.c.User = u
		}
	},
	"safety_identifier": func(r *reading, v []byte) {
		if u := r.id(v, "safety_identifier", llm.FeatureUser); len(u) > 0 {
			r.c.User = u
		}
	},
	"prompt_cache_key": func(r *reading, v []byte) {
		r.c.CacheKey = r.id(v, "prompt_cache_key", llm.FeatureCacheKey)
	},
	"service_tier": (*reading).tier,

	"store":              func(r *reading, v []byte) { r.flag(v, "store", llm.FeatureStore) },
	"metadata":           func(r *reading, v []byte) { r.object(v, "metadata", llm.FeatureOther) },
	"prediction":         func(r *reading, v []byte) { r.object(v, "prediction", llm.FeaturePrediction) },
	"moderation":         func(r *reading, v []byte) { r.object(v, "moderation", llm.FeatureModeration) },
	"audio":              func(r *reading, v []byte) { r.object(v, "audio", llm.FeatureAudio) },
	"web_search_options": (*reading).search,
	"modalities":         (*reading).modalities,
}

// settle looks at what only the whole request tells.
func (r *reading) settle() {
	c := r.c
	if !r.sawMessages {
		r.refuse("messages", "must be a list with at least one message")
		return
	}
	if len(c.Turns) == 0 && !slices.ContainsFunc(c.Uses, func(u llm.Use) bool { return u.Feature == llm.FeatureVital }) {
		r.refuse("messages", "must hold at least one message that says something")
		return
	}
	r.talk.lost(r)
	r.prefill()
	if c.Temperature != "" {
		c.Use(llm.FeatureTemperature, "temperature")
		if t, _ := strconv.ParseFloat(c.Temperature, 64); t > 1 {
			c.Use(llm.FeatureHot, "temperature")
		}
	}
	if c.TopP != "" {
		c.Use(llm.FeatureTopP, "top_p")
		if c.Temperature != "" {
			c.Use(llm.FeatureTopPToo, "top_p")
		}
	}
	r.settleTools()
	if c.Reasoning.Asked() {
		if c.Reasoning.Effort == "none" {
			c.Use(llm.FeatureNoReasoning, r.effortField)
		} else {
			c.Use(llm.FeatureReasoning, r.effortField)
			if len(c.Tools) > 0 {
				c.Use(llm.FeatureToolReasoning, r.effortField)
			}
		}
	}
}

func (r *reading) streamOptions(v []byte) {
	r.members(v, "stream_options", func(key, v []byte) {
		switch string(key) {
		case "include_usage":
		case "include_obfuscation":
			r.flag(v, "stream_options.include_obfuscation", llm.FeatureOther)
		default:
			r.unknown("stream_options.", key, v)
		}
	})
}

// limit reads an output limit. Servers that run on this machine take -1 for "no limit".
func (r *reading) limit(v []byte, field string) int {
	n, err := strconv.ParseFloat(r.number(v, field), 64)
	switch {
	case r.err != nil || n == -1:
		return 0
	case err != nil || n < 1 || n != math.Trunc(n):
		r.refuse(field, "must be a whole number of tokens, 1 or more; leave it out for no limit")
		return 0
	}
	return clamp(wire.Int(v))
}

func (r *reading) tuning(to *string, v []byte, field string, f llm.Feature) {
	if *to = r.number(v, field); *to != "" {
		r.c.Use(f, field)
	}
}

// penalty reads a penalty; many clients always send 0, which asks for nothing.
func (r *reading) penalty(to *string, v []byte, field string) {
	if n, _ := strconv.ParseFloat(r.number(v, field), 64); n != 0 {
		r.tuning(to, v, field, llm.FeaturePenalties)
	}
}

func (r *reading) stop(v []byte) {
	switch v[0] {
	case '"':
		r.stopText(v, "stop")
	case '[':
		r.elements(v, "stop", func(i int, v []byte) { r.stopText(v, "stop["+strconv.Itoa(i)+"]") })
	default:
		r.refuse("stop", "must be a string or a list of strings")
	}
	if len(r.c.Stop) > 0 {
		r.c.Use(llm.FeatureStop, "stop")
	}
	if len(r.c.Stop) > mostStops {
		r.c.Use(llm.FeatureManyStops, "stop")
	}
}

// mostStops is how many stop sequences this dialect takes.
const mostStops = 4

// stopText adds a stop sequence; one without letters stops nothing.
func (r *reading) stopText(v []byte, field string) {
	t := r.text(v, "stop")
	if len(t) == 0 {
		r.c.Use(llm.FeatureOther, field)
		return
	}
	r.c.Stop = append(r.c.Stop, t)
	if blank(t) {
		r.c.Use(llm.FeatureBlankStop, "stop")
	}
}

func (r *reading) verbosity(v []byte) {
	switch level := wire.Meaning(r.text(v, "verbosity")); level {
	case "low", "medium", "high":
		r.c.Verbosity = level
		r.c.Use(llm.FeatureVerbosity, "verbosity")
	case "":
	default:
		r.refuse("verbosity", "must be low, medium or high")
	}
}

func (r *reading) tier(v []byte) {
	switch tier := wire.Meaning(r.text(v, "service_tier")); tier {
	case "", "auto":
	case "default":
		r.c.Tier = tier
		r.c.Use(llm.FeatureTier, "service_tier")
	default: // bought at OpenAI
		r.c.Use(llm.FeatureOther, "service_tier")
	}
}

// search is asked for by an object, which may be empty.
func (r *reading) search(v []byte) {
	r.object(v, "web_search_options", llm.FeatureSearch)
	if r.err == nil {
		r.c.Use(llm.FeatureSearch, "web_search_options")
	}
}

func (r *reading) modalities(v []byte) {
	r.elements(v, "modalities", func(_ int, v []byte) {
		switch wire.Meaning(r.text(v, "modalities")) {
		case "", "text":
		case "audio":
			r.c.Use(llm.FeatureAudio, "modalities")
		default:
			r.c.Use(llm.FeatureVital, "modalities")
		}
	})
}

func (r *reading) format(v []byte) {
	kind := llm.Text("text")
	var schema, inner []byte
	r.members(v, "response_format", func(key, v []byte) {
		switch string(key) {
		case "type":
			kind = r.text(v, "response_format.type")
		case "json_schema":
			inner = v
		case "schema": // llama.cpp and others take it beside json_object
			schema = r.raw(v, "response_format.schema")
		default:
			r.unknown("response_format.", key, v)
		}
	})
	switch wire.Meaning(kind) {
	case "text":
	case "json_object":
		r.form(llm.Format{Schema: schema})
	case "json_schema":
		if inner == nil {
			r.refuse("response_format.json_schema", "must be an object with the schema")
			return
		}
		r.form(r.schema(inner))
	default:
		r.c.Use(llm.FeatureVital, "response_format")
	}
}

// form notes the form of the answer: JSON of a schema, or any where there is none.
func (r *reading) form(f llm.Format) {
	f.Kind = llm.FormatSchema
	feature := llm.FeatureSchema
	if f.Schema == nil {
		f.Kind, feature = llm.FormatJSON, llm.FeatureJSON
	}
	r.c.Format = f
	r.c.Use(feature, "response_format")
}

func (r *reading) schema(v []byte) (f llm.Format) {
	r.members(v, "response_format.json_schema", func(key, v []byte) {
		switch string(key) {
		case "name":
			f.Name = r.text(v, "response_format.json_schema.name")
		case "description":
			f.Description = r.text(v, "response_format.json_schema.description")
		case "schema":
			f.Schema = r.raw(v, "response_format.json_schema.schema")
		case "strict":
			strict := r.boolean(v, "response_format.json_schema.strict")
			f.Strict = &strict
		default:
			r.unknown("response_format.json_schema.", key, v)
		}
	})
	return f
}

// id reads an opaque string.
func (r *reading) id(v []byte, field string, f llm.Feature) llm.Text {
	t := r.text(v, field)
	if len(t) > 0 {
		r.c.Use(f, field)
	}
	return t
}

// flag notes a feature that true asks for.
func (r *reading) flag(v []byte, field string, f llm.Feature) {
	if r.boolean(v, field) {
		r.c.Use(f, field)
	}
}

// positive notes a feature that a number above 0 asks for.
func (r *reading) positive(v []byte, field string, f llm.Feature) {
	if r.number(v, field) != "" && wire.Int(v) > 0 {
		r.c.Use(f, field)
	}
}

// object notes a feature that an object with anything in it asks for.
func (r *reading) object(v []byte, field string, f llm.Feature) {
	switch {
	case v[0] != '{':
		r.refuse(field, "must be an object")
	case !wire.Empty(v):
		r.c.Use(f, field)
	}
}

// mostUnknown bounds how many fields that nobody knows are named one by one.
const mostUnknown = 32

// unknown notes a field that this program does not know. It is reported by name, so the name must be harmless.
func (r *reading) unknown(before string, key, v []byte) {
	if wire.Empty(v) || string(v) == "false" {
		return
	}
	r.unknowns++
	name := before + string(key)
	if r.unknowns > mostUnknown || len(key) > 64 || bytes.ContainsFunc(key, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.')
	}) {
		name = before + "(other)"
	}
	r.c.Use(llm.FeatureOther, name)
}
