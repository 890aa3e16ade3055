package anthropic

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// maxOthers bounds how many things without a counterpart are named one by one.
const maxOthers = 32

// billingHeader begins a system block that Claude Code adds for the vendor's accounts. Its changing text would spoil
// another provider's prompt cache, and means nothing there.
const billingHeader = "x-anthropic-billing-header:"

// decoding puts one request into the neutral language.
type decoding struct {
	c      *llm.Conversation
	op     llm.Op
	system llm.Turn
	err    *llm.Error

	turn, block int // where in messages we are, for errors
	others      int
	limited     bool // max_tokens is there
	talks       bool // messages is there
	spoken      bool // a turn of another role than the system's is there
	marked      string
	effort      string
	off         bool // thinking is disabled
	open        map[string]bool
}

// Decode puts a request into the neutral language; see llm.Codec. The request must have been scanned.
func (Codec) Decode(req *llm.Request) (*llm.Conversation, error) {
	d := &decoding{c: &llm.Conversation{}, op: req.Op}
	wire.Members(req.Body, func(key, v []byte) bool {
		if v[0] != 'n' { // null says nothing
			d.member(string(key), v)
		}
		return d.err == nil
	})
	if d.err == nil {
		d.finish()
	}
	if d.err != nil {
		return nil, d.err
	}
	return d.c, nil
}

// fail refuses the request for one of its fields; the first failure counts.
func (d *decoding) fail(field, why string) {
	if d.err == nil {
		d.err = wire.Refuse(field, why)
	}
}

// text reads a string; nil where v is none.
func (d *decoding) text(field string, v []byte) llm.Text {
	t, ok := wire.Strict(wire.Inside(v))
	if !ok {
		d.fail(field, wire.WhyText)
	}
	return t
}

// word reads a string for what it means, or a number or literal as it is written; null is "".
func (d *decoding) word(field string, v []byte) string {
	if len(v) > 0 && v[0] == '"' {
		return wire.Meaning(d.text(field, v))
	}
	return wire.Text(v)
}

// value takes over a JSON value, whose structure the scan has checked.
func (d *decoding) value(field string, v []byte) []byte {
	v, ok := wire.StrictValue(v)
	if !ok {
		d.fail(field, wire.WhyValue)
	}
	return v
}

// other notes something that no other dialect has, by a name from outside. Names beyond the first ones are noted as more.
func (d *decoding) other(f llm.Feature, prefix string, key []byte) {
	use := llm.Use{Feature: f, Field: prefix + fieldName(key)}
	if slices.Contains(d.c.Uses, use) {
		return
	}
	if d.others++; d.others > maxOthers {
		use.Field = "and more"
	}
	d.c.Use(use.Feature, use.Field)
}

// fieldName makes a name from outside fit for a message and a header field.
func fieldName(key []byte) string {
	b := bytes.Clone(key[:min(len(key), 64)])
	for i, c := range b {
		if c <= ' ' || c > '~' || c == ',' || c == ';' {
			b[i] = '?'
		}
	}
	return string(b)
}

func (d *decoding) member(key string, v []byte) {
	switch key {
	case "model", "stream": // read by Scan
	case "max_tokens":
		d.maxTokens(v)
	case "messages":
		d.talks = true
		d.messages(v)
	case "system":
		d.systemText(v)
	case "temperature":
		if d.c.Temperature = d.number(key, v); d.c.Temperature != "" {
			d.c.Use(llm.FeatureTemperature, key)
			if f, err := strconv.ParseFloat(d.c.Temperature, 64); err == nil && f > 1 {
				d.c.Use(llm.FeatureHot, key)
			}
		}
	case "top_p":
		if d.c.TopP = d.number(key, v); d.c.TopP != "" {
			d.c.Use(llm.FeatureTopP, key)
		}
	case "top_k":
		if d.c.TopK = d.number(key, v); d.c.TopK != "" {
			d.c.Use(llm.FeatureTopK, key)
		}
	case "stop_sequences":
		d.stops(v)
	case "tools":
		d.tools(v)
	case "tool_choice":
		d.choice(v)
	case "thinking":
		d.thinking(v)
	case "output_config":
		d.output(v)
	case "output_format":
		d.format("output_format", v)
	case "metadata":
		d.metadata(v)
	default:
		d.tuning(key, v)
	}
}

// tuning takes what has no counterpart, by what its loss would mean.
func (d *decoding) tuning(key string, v []byte) {
	switch key {
	case "service_tier":
		if tier := d.word(key, v); tier != "auto" { // the default
			d.c.Tier = wire.Cut(tier, 64)
			d.c.Use(llm.FeatureTier, key)
		}
	case "speed":
		if string(v) != `"standard"` {
			d.c.Use(llm.FeatureOther, key)
		}
	case "cache_control":
		if d.marked = cacheMark(v); d.marked != "" {
			d.c.Use(llm.FeatureCacheMarks, key)
		}
	case "mcp_servers":
		if !wire.Empty(v) {
			d.c.Use(llm.FeatureHostedTools, key)
		}
	case "container", "thread":
		// Files and turns that the vendor keeps: without them the question is another.
		d.c.Use(llm.FeatureVital, key)
	case "inference_geo":
		// A promise of where the data stays, which nobody else gives.
		if string(v) == `"global"` {
			d.c.Use(llm.FeatureOther, key)
		} else {
			d.c.Use(llm.FeatureVital, key)
		}
	default: // context_management, fallbacks, diagnostics, and what the future brings
		if !wire.Empty(v) {
			d.other(llm.FeatureOther, "", []byte(key))
		}
	}
}

func (d *decoding) maxTokens(v []byte) {
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil || n < 0 {
		d.fail("max_tokens", "must be a whole number of tokens, 1 or more, such as 4096")
		return
	}
	d.limited = true
	if n == 0 {
		d.c.Use(llm.FeatureVital, "max_tokens") // it only warms Anthropic's cache; anywhere else it would be answered
	}
	d.c.MaxOutput = int(min(n, 1<<31-1))
}

// number is v as it was written.
func (d *decoding) number(key string, v []byte) string {
	if v[0] != '-' && (v[0] < '0' || v[0] > '9') || len(v) > 32 {
		d.fail(key, "must be a number")
		return ""
	}
	return string(v)
}

func (d *decoding) stops(v []byte) {
	if v[0] != '[' {
		d.fail("stop_sequences", "must be a list of strings")
		return
	}
	wire.Elements(v, func(v []byte) bool {
		if v[0] != '"' {
			d.fail("stop_sequences", "must be a list of strings")
			return false
		}
		t := d.text("stop_sequences", v)
		d.c.Stop = append(d.c.Stop, t)
		d.c.Use(llm.FeatureStop, "stop_sequences")
		if blank(t) {
			d.c.Use(llm.FeatureBlankStop, "stop_sequences")
		}
		return true
	})
	if len(d.c.Stop) > 4 {
		d.c.Use(llm.FeatureManyStops, "stop_sequences")
	}
}

func (d *decoding) metadata(v []byte) {
	if !d.object("metadata", v) {
		return
	}
	wire.Members(v, func(key, v []byte) bool {
		if string(key) == "user_id" {
			if t := d.text("metadata.user_id", v); len(t) > 0 {
				d.c.User = t
				d.c.Use(llm.FeatureUser, "metadata.user_id")
			}
		} else if !wire.Empty(v) {
			d.other(llm.FeatureOther, "metadata.", key)
		}
		return true
	})
}

func (d *decoding) object(field string, v []byte) bool {
	if v[0] != '{' {
		d.fail(field, "must be an object")
		return false
	}
	return true
}

// finish settles what depends on several fields.
func (d *decoding) finish() {
	c := d.c
	switch {
	case !d.talks:
		d.fail("messages", "is missing; send a list of messages, such as [{\"role\":\"user\",\"content\":\"Hello\"}]")
		return
	case !d.limited && d.op != llm.CountTokens:
		d.fail("max_tokens", "is missing; say how many tokens the answer may have, such as 4096")
		return
	}
	if len(d.system.Parts) > 0 {
		d.system.Role = llm.System
		c.Turns = append([]llm.Turn{d.system}, c.Turns...)
	}
	if c.Temperature != "" && c.TopP != "" {
		c.Use(llm.FeatureTopPToo, "top_p")
	}
	d.level()
	if c.Reasoning.Asked() && c.Reasoning.Effort != "none" && len(c.Tools) > 0 {
		field := "thinking"
		if c.Reasoning.Budget == 0 {
			field = "output_config.effort"
		}
		c.Use(llm.FeatureToolReasoning, field)
	}
	if n := len(c.Turns); n > 0 {
		if last := &c.Turns[n-1]; last.Role == llm.Assistant {
			last.Prefix = true
			c.Use(llm.FeaturePrefill, fmt.Sprintf("messages[%d]", d.turn))
		}
		if last := &c.Turns[n-1]; d.marked != "" && len(last.Parts) > 0 && last.Parts[len(last.Parts)-1].Cache == "" {
			last.Parts[len(last.Parts)-1].Cache = d.marked
		}
	}
	if len(d.open) > 0 {
		c.Use(llm.FeatureLostResult, "messages.content.tool_use")
	}
}

// cacheMark reads a cache_control.
func cacheMark(v []byte) string {
	if len(v) == 0 || v[0] != '{' {
		return ""
	}
	mark := "5m"
	wire.Members(v, func(key, v []byte) bool {
		if string(key) == "ttl" && string(v) == `"1h"` {
			mark = "1h"
		}
		return true
	})
	return mark
}
