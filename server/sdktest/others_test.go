package sdktest

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
)

func TestEmbeddingsComeAsNumbersAndAsBase64(t *testing.T) {
	params := openai.EmbeddingNewParams{Model: "up/embedder", Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"one", "two"}}}
	up.answers(t, whole(200, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.25,-5e-1]},{"object":"embedding","index":1,"embedding":[1,0]}],"model":"embedder","usage":{"prompt_tokens":2,"total_tokens":2}}`))
	var w wire
	c := client(w.option())
	vectors, err := c.Embeddings.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if len(vectors.Data) != 2 || !slices.Equal(vectors.Data[0].Embedding, []float64{0.25, -0.5}) || vectors.Usage.TotalTokens != 2 {
		t.Errorf("got %+v", vectors)
	}
	same(t, "the request at the provider", up.last(t).body, withModel(w.sent, "up/embedder", "embedder"))

	up.answers(t, whole(200, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPgAAAL8="}],"model":"embedder","usage":{"prompt_tokens":1,"total_tokens":1}}`))
	params.EncodingFormat = openai.EmbeddingNewParamsEncodingFormatBase64
	params.Dimensions = openai.Int(2)
	vectors, err = c.Embeddings.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if got := vectors.Data[0].JSON.Embedding.Raw(); got != `"AACAPgAAAL8="` {
		t.Errorf("got %s", got)
	}
	if !bytes.Contains(up.last(t).body, []byte(`"encoding_format":"base64"`)) {
		t.Errorf("the provider was asked %s", up.last(t).body)
	}
}

func TestModelsAreListedAndFoundByTheirWholeName(t *testing.T) {
	c := client()
	page, err := c.Models.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, m := range page.Data {
		ids = append(ids, m.ID)
	}
	for _, id := range []string{"up/plain", "up/org/large-7b:free", "up/embedder"} {
		if !slices.Contains(ids, id) {
			t.Errorf("%s is not among %v", id, ids)
		}
	}
	for _, id := range []string{"up/plain", "up/org/large-7b:free"} { // the SDK sends the slashes escaped
		m, err := c.Models.Get(t.Context(), id)
		if err != nil {
			t.Errorf("%s: %v", id, err)
		} else if m.ID != id {
			t.Errorf("asked for %s, got %s", id, m.ID)
		}
	}
	m, err := c.Models.Get(t.Context(), "up/org/large-7b:free")
	if err == nil && !strings.Contains(m.RawJSON(), "32768") {
		t.Errorf("the context length is missing: %s", m.RawJSON())
	}
	if _, err := c.Models.Get(t.Context(), "nobody/nothing"); asError(t, err).StatusCode != http.StatusNotFound {
		t.Errorf("an unknown model: %v", err)
	}
}

func TestLegacyCompletionsWork(t *testing.T) {
	up.answers(t, whole(200, `{"id":"cmpl-1","object":"text_completion","created":1,"model":"plain","choices":[{"text":" upon a time","index":0,"logprobs":null,"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":3,"total_tokens":4}}`))
	params := openai.CompletionNewParams{Model: "up/plain", Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("Once")}, MaxTokens: openai.Int(3)}
	var w wire
	c := client(w.option())
	answer, err := c.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Choices[0].Text != " upon a time" || answer.Usage.TotalTokens != 4 {
		t.Errorf("got %+v", answer)
	}
	same(t, "the request at the provider", up.last(t).body, withModel(w.sent, "up/plain", "plain"))

	up.answers(t, streamed(`data: {"id":"cmpl-1","object":"text_completion","created":1,"model":"plain","choices":[{"text":" upon","index":0,"logprobs":null,"finish_reason":null}]}`+"\n\n"+
		`data: {"id":"cmpl-1","object":"text_completion","created":1,"model":"plain","choices":[{"text":" a time","index":0,"logprobs":null,"finish_reason":"stop"}]}`+"\n\n"+done, 3))
	stream := c.Completions.NewStreaming(t.Context(), params)
	text := ""
	for stream.Next() {
		if choices := stream.Current().Choices; len(choices) > 0 {
			text += choices[0].Text
		}
	}
	if err := stream.Err(); err != nil || text != " upon a time" {
		t.Errorf("got %q, %v", text, err)
	}
	stream.Close()
}

func TestModerationsAndUploadsAreForwardedAsTheyCame(t *testing.T) {
	up.answers(t, whole(200, `{"id":"modr-1","model":"plain","results":[{"flagged":false,"categories":{},"category_scores":{},"category_applied_input_types":{}}]}`))
	var w wire
	c := client(w.option())
	verdict, err := c.Moderations.New(t.Context(), openai.ModerationNewParams{Model: "up/plain", Input: openai.ModerationNewParamsInputUnion{OfString: openai.String("hello")}})
	if err != nil {
		t.Fatal(err)
	}
	if verdict.ID != "modr-1" || up.last(t).path != "/v1/moderations" {
		t.Errorf("got %+v from %s", verdict, up.last(t).path)
	}
	same(t, "the request at the provider", up.last(t).body, withModel(w.sent, "up/plain", "plain"))

	sound := bytes.Repeat([]byte{0, 1, 2, 0xff, '\r', '\n', '-', '-'}, 32<<10) // 256 KiB of anything
	up.answers(t, whole(200, `{"text":"hello"}`))
	text, err := c.Audio.Transcriptions.New(t.Context(), openai.AudioTranscriptionNewParams{
		Model: "up/plain", File: openai.File(bytes.NewReader(sound), "hello.wav", "audio/wav"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if text.Text != "hello" || up.last(t).path != "/v1/audio/transcriptions" {
		t.Errorf("got %q from %s", text.Text, up.last(t).path)
	}
	at := up.last(t)
	if !bytes.Contains(at.body, sound) {
		t.Error("the upload was changed on its way")
	}
	if bytes.Contains(at.body, []byte("up/plain")) || !bytes.Contains(at.body, []byte("\r\n\r\nplain\r\n")) {
		t.Error("the provider was not asked for its own model")
	}
}
