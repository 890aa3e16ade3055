package providers

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"localrouter/providers/llm"
)

const sampleDepth = 8

// sample makes a plausible value for a JSON schema; {} where the schema says nothing.
func sample(schema json.RawMessage) json.RawMessage {
	var s map[string]any
	if json.Unmarshal(schema, &s) != nil || s == nil {
		return json.RawMessage("{}")
	}
	return marshal(sampleOf(s, s, "", 0))
}

func sampleOf(root, s map[string]any, name string, depth int) any {
	if depth > sampleDepth {
		return nil
	}
	if ref, ok := s["$ref"].(string); ok {
		return sampleOf(root, resolve(root, ref), name, depth+1)
	}
	if v, ok := s["const"]; ok {
		return v
	}
	if list, ok := s["enum"].([]any); ok && len(list) > 0 {
		return list[0]
	}
	for _, of := range []string{"anyOf", "oneOf", "allOf"} {
		if list, ok := s[of].([]any); ok && len(list) > 0 {
			if first, ok := list[0].(map[string]any); ok {
				return sampleOf(root, first, name, depth+1)
			}
		}
	}
	switch typeOf(s) {
	case "object":
		out := map[string]any{}
		properties, _ := s["properties"].(map[string]any)
		required, _ := s["required"].([]any)
		for key, p := range properties {
			if p, ok := p.(map[string]any); ok && (depth == 0 || slices.Contains(required, any(key))) {
				out[key] = sampleOf(root, p, key, depth+1)
			}
		}
		return out
	case "array":
		items, _ := s["items"].(map[string]any)
		if items == nil {
			return []any{}
		}
		return []any{sampleOf(root, items, name, depth+1)}
	case "integer":
		return int(bounded(s))
	case "number":
		return bounded(s)
	case "boolean":
		return true
	case "null":
		return nil
	}
	return sampleText(s, name)
}

// resolve follows a reference inside the schema; an empty schema where it leads nowhere.
func resolve(root map[string]any, ref string) map[string]any {
	at := root
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		next, ok := at[part].(map[string]any)
		if !ok {
			return map[string]any{"type": "string"}
		}
		at = next
	}
	return at
}

func typeOf(s map[string]any) string {
	switch t := s["type"].(type) {
	case string:
		return t
	case []any:
		for _, one := range t {
			if name, ok := one.(string); ok && name != "null" {
				return name
			}
		}
	}
	if _, ok := s["properties"]; ok {
		return "object"
	}
	return "string"
}

func bounded(s map[string]any) float64 {
	v := 1.0
	if low, ok := s["minimum"].(float64); ok {
		v = max(v, math.Ceil(low))
	}
	if high, ok := s["maximum"].(float64); ok {
		v = min(v, math.Floor(high))
	}
	return v
}

// sampleText guesses by the name, so that the demo reads like something.
func sampleText(s map[string]any, name string) string {
	switch format, _ := s["format"].(string); format {
	case "date":
		return "2026-01-31"
	case "date-time":
		return "2026-01-31T12:00:00Z"
	case "email":
		return "someone@example.com"
	case "uri", "url":
		return "https://example.com"
	}
	switch n := strings.ToLower(name); {
	case strings.Contains(n, "city"), strings.Contains(n, "location"), strings.Contains(n, "place"):
		return "Paris"
	case strings.Contains(n, "name"):
		return "Ada"
	case strings.Contains(n, "path"), strings.Contains(n, "file"):
		return "README.md"
	case strings.Contains(n, "quer"), strings.Contains(n, "search"):
		return "LocalRouter"
	case strings.Contains(n, "url"):
		return "https://example.com"
	}
	return "demo"
}

const (
	demoDimensions = 64
	maxDimensions  = 4096
	maxInputs      = 2048
)

// embed answers with vectors that depend on the texts alone: the same text has the same vector on every machine.
func (d *demo) embed(ctx context.Context, req *llm.Request, in *demoRequest, obs llm.Observer) (llm.Relay, error) {
	inputs, ok := inputsOf(in.Input)
	dimensions := demoDimensions
	if in.Dimensions != nil {
		dimensions = *in.Dimensions
	}
	switch {
	case !ok || len(inputs) == 0 || len(inputs) > maxInputs:
		return nil, demoRefuses(http.StatusBadRequest, "input", "The input must be a text, a list of up to 2048 texts, or tokens.")
	case dimensions < 1 || dimensions > maxDimensions || dimensions*len(inputs) > 1<<20:
		return nil, demoRefuses(http.StatusBadRequest, "dimensions", "The demo provider makes vectors of 1 to 4096 dimensions, and a million figures at most.")
	case in.Encoding != "" && in.Encoding != "float" && in.Encoding != "base64":
		return nil, demoRefuses(http.StatusBadRequest, "encoding_format", "The encoding_format must be float or base64.")
	}
	data := make([]object, len(inputs))
	for i, text := range inputs {
		v := vector(text, dimensions)
		data[i] = object{"object": "embedding", "index": i, "embedding": v}
		if in.Encoding == "base64" {
			data[i]["embedding"] = base64.StdEncoding.EncodeToString(littleEndian(v))
		}
	}
	usage := llm.Usage{Input: max(1, req.InputEstimate)}
	body := marshal(object{"object": "list", "model": demoModel, "data": data, "usage": object{"prompt_tokens": usage.Input, "total_tokens": usage.Input}})
	ctx, cancel := context.WithCancel(ctx)
	return &demoRelay{ctx: ctx, cancel: cancel, pace: d.pace, obs: obs, usage: usage, steps: []demoStep{{0, body, 0}},
		head: llm.Head{Status: 200, ContentType: "application/json", Length: int64(len(body))}}, nil
}

// inputsOf reads a text, texts, tokens, or lists of tokens; each becomes one text.
func inputsOf(raw json.RawMessage) ([]string, bool) {
	var one string
	if json.Unmarshal(raw, &one) == nil && len(raw) > 0 && raw[0] == '"' {
		return []string{one}, true
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return nil, false
	}
	if c := list[0][0]; c != '"' && c != '[' { // the tokens of one text
		return []string{string(raw)}, true
	}
	texts := make([]string, len(list))
	for i, item := range list {
		texts[i] = string(item)
		if item[0] == '"' && json.Unmarshal(item, &texts[i]) != nil {
			return nil, false
		}
	}
	return texts, true
}

// vector is of length one, as similarity searches expect.
func vector(text string, n int) []float32 {
	h := fnv.New64a()
	h.Write([]byte(text))
	random := rand.New(rand.NewPCG(h.Sum64(), 1))
	v := make([]float32, n)
	sum := 0.0
	for i := range v {
		v[i] = float32(random.NormFloat64())
		sum += float64(v[i]) * float64(v[i])
	}
	if sum > 0 {
		for i := range v {
			v[i] = float32(float64(v[i]) / math.Sqrt(sum))
		}
	}
	return v
}

func littleEndian(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}
