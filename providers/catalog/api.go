package catalog

import (
	"strings"

	"localrouter/providers/llm"
)

// purposes are parts of names, between signs, that say what else than talking a model is for. Many lists name ids only, and
// nobody should be sent to a model for pictures because it is the cheapest.
var purposes = map[string]llm.API{
	"embed": llm.APIEmbeddings, "embedding": llm.APIEmbeddings, "embeddings": llm.APIEmbeddings, "bge": llm.APIEmbeddings,
	"minilm": llm.APIEmbeddings, "gte": llm.APIEmbeddings, "e5": llm.APIEmbeddings,
	"rerank": llm.APIRerank, "reranker": llm.APIRerank, "moderation": llm.APIModeration,
	"whisper": llm.APIAudio, "tts": llm.APIAudio, "stt": llm.APIAudio, "transcribe": llm.APIAudio, "speech": llm.APIAudio, "lyria": llm.APIAudio,
	"dall": llm.APIImages, "image": llm.APIImages, "images": llm.APIImages, "imagen": llm.APIImages, "flux": llm.APIImages, "diffusion": llm.APIImages,
	"sora": llm.APIVideos, "veo": llm.APIVideos, "video": llm.APIVideos, "realtime": llm.APIRealtime, "live": llm.APIRealtime,
	"davinci": llm.APICompletions, "babbage": llm.APICompletions, "ocr": llm.APIOther,
}

// apiOf tells by a model's name what it is for; empty: for talking, or nobody knows.
func apiOf(id string) llm.API {
	if id == "gpt-3.5-turbo-instruct" {
		return llm.APICompletions
	}
	for at := 0; at < len(id); {
		end := at
		for end < len(id) && !isSign(id[end]) && id[end] != '.' {
			end++
		}
		part := id[at:end]
		for len(part) > 0 && isDigit(part[len(part)-1]) && purposes[part] == "" { // veo3, whisper1
			part = part[:len(part)-1]
		}
		if api := purposes[part]; api != "" {
			return api
		}
		at = end + 1
	}
	return ""
}

// responsesOnly reports whether a model of OpenAI's own is reached at /v1/responses only: those called pro.
func responsesOnly(r *row) bool { return r != nil && strings.HasSuffix(r.id, "-pro") }

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
