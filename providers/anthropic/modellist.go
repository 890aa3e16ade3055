package anthropic

import (
	"slices"
	"strconv"
	"time"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// Bounds of a page of models, as the vendor has them.
const (
	usualPage = 20
	mostPage  = 1000
)

// AppendModels spells a page of list as GET /v1/models does for applications of this dialect: the limit models after the
// id after, or the last limit ones before the id before. limit 0 is the vendor's 20. An id that is not in list has
// nothing after and before it. Of a model ID, Name, Created, ContextLength and MaxOutput are told.
func (c Codec) AppendModels(dst []byte, list []llm.Model, limit int, after, before string) []byte {
	page, more := pageOf(list, limit, after, before)
	dst = append(dst, `{"data":[`...)
	for i := range page {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = c.AppendModel(dst, &page[i])
	}
	dst = append(dst, `],"has_more":`...)
	dst = strconv.AppendBool(dst, more)
	if len(page) == 0 {
		return append(dst, `,"first_id":null,"last_id":null}`...)
	}
	dst = wire.AppendQuote(append(dst, `,"first_id":`...), page[0].ID)
	dst = wire.AppendQuote(append(dst, `,"last_id":`...), page[len(page)-1].ID)
	return append(dst, '}')
}

// pageOf cuts a page; more says that there is more in the direction of reading.
func pageOf(list []llm.Model, limit int, after, before string) (page []llm.Model, more bool) {
	if limit <= 0 {
		limit = usualPage
	}
	limit = min(limit, mostPage)
	find := func(id string) int { return slices.IndexFunc(list, func(m llm.Model) bool { return m.ID == id }) }
	switch {
	case after != "":
		i := find(after)
		if i < 0 {
			return nil, false
		}
		list = list[i+1:]
	case before != "":
		i := max(find(before), 0)
		from := max(i-limit, 0)
		return list[from:i], from > 0
	}
	return list[:min(limit, len(list))], len(list) > limit
}

// AppendModel spells one model as GET /v1/models/{id} does.
func (Codec) AppendModel(dst []byte, m *llm.Model) []byte {
	name := m.Name
	if name == "" {
		name = m.ID
	}
	created := m.Created
	if created.IsZero() {
		created = time.Unix(0, 0)
	}
	dst = wire.AppendQuote(append(dst, `{"type":"model","id":`...), m.ID)
	dst = wire.AppendQuote(append(dst, `,"display_name":`...), name)
	dst = wire.AppendQuote(append(dst, `,"created_at":`...), created.UTC().Format(time.RFC3339))
	dst = appendSize(append(dst, `,"max_input_tokens":`...), m.ContextLength)
	dst = appendSize(append(dst, `,"max_tokens":`...), m.MaxOutput)
	return append(dst, '}')
}

// appendSize writes a size, or null where it is not known.
func appendSize(dst []byte, n int) []byte {
	if n <= 0 {
		return append(dst, "null"...)
	}
	return strconv.AppendInt(dst, int64(n), 10)
}
