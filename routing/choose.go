package routing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// choose finds out what the request's model stands for and puts the targets in order.
func (j *journey) choose() *llm.Error {
	j.table = j.r.table()
	j.conf = j.table.conf
	var e *llm.Error
	if j.meaning, e = j.table.meaning(j.c.Request, j.policy); e != nil {
		return e
	}
	if j.c.Request.Others && len(j.policy.Allow) > 0 {
		return j.policy.othersNamed()
	}
	if j.meaning.router == nil {
		return j.direct()
	}
	e = j.among()
	j.took = j.r.now().Sub(j.start)
	return e
}

// direct goes to the one target that was named. Nothing is asked of it but that it may be reached: what the model can
// do its provider knows better.
func (j *journey) direct() *llm.Error {
	t := &j.meaning.target
	c := j.table.candidate(j.r, *t)
	if e := j.policy.Refuses(t, j.meaning.chosen, j.conf.Offline); e != nil {
		j.refused = map[string]string{"model_not_allowed": leftWords[notAllowed], "offline": leftWords[offline], "local_only": leftWords[notLocal]}[e.Code]
		return e
	}
	j.single[0] = c
	j.order, j.states = j.single[:], j.alone[:]
	now := j.r.now()
	j.needs.now = now
	if !c.health.Ready(now) {
		j.forced = true
	}
	return nil
}

// among has a router choose.
func (j *journey) among() *llm.Error {
	router := j.meaning.router
	pool := j.table.pool(j.r, router)
	j.needs = needs{op: j.c.Request.Op, endpoint: endpointOf(j.c.Request.Path), dialect: j.c.Request.Dialect, input: j.c.Request.InputEstimate, localOnly: j.policy.LocalOnly,
		offline: j.conf.Offline, priced: j.c.Priced || j.c.Admit != nil && countsMoney(router), freeOnly: router.FreeOnly, automatic: len(router.Select.Manual) == 0,
		now: j.r.now(), allowed: j.table.allowedOf(pool, j.policy)}
	j.understand()
	s := shape{input: j.c.Request.InputEstimate, output: j.c.Output, at: j.start}
	if s.output <= 0 {
		s.output = usualOutput
	}
	if most := int64(j.c.Request.MaxOutput); most > 0 {
		s.output = min(s.output, most)
	}
	j.needs.moment = j.r.health.Moment(j.needs.now)
	j.selected = pool.choose(&j.needs, s)
	j.stay()
	room := &several{}
	j.order, j.states = room.targets[:len(j.selected.best)], room.states[:]
	for i, at := range j.selected.best {
		j.order[i] = &pool.list[at]
	}
	if len(j.order) > 0 {
		return nil
	}
	if j.selected.wait < 0 {
		return j.nobody()
	}
	j.selected.resort = true
	j.order = append(j.order, &pool.list[j.selected.wait])
	j.forced = true
	return nil
}

// countsMoney reports whether what goes through a router must have a known price.
func countsMoney(r *settings.Router) bool {
	return slices.ContainsFunc(r.Limits, func(l settings.Limit) bool { return l.Kind == settings.LimitCost })
}

// understand reads what the request makes use of. Where it cannot be read, only targets of its own dialect are left,
// which may be able to.
func (j *journey) understand() {
	req := j.c.Request
	if req.Op != llm.Chat && req.Op != llm.CountTokens {
		j.needs.known = req.Op == llm.Embeddings || req.Op == llm.Completions
		return
	}
	if req.Conversation == nil {
		conversation, err := j.c.Codec.Decode(cmp.Or(j.counts, req))
		if err != nil {
			return
		}
		req.Conversation = conversation
	}
	j.needs.known = true
	for _, u := range req.Conversation.Uses {
		j.needs.uses |= llm.SetOf(u.Feature)
	}
}

// nobody says why no candidate is left, by the reason that most were left out for of those that a person can mend.
func (j *journey) nobody() *llm.Error {
	s, name := j.selected, settings.RouterPrefix+j.meaning.router.Name
	e := &llm.Error{Kind: llm.Forbidden, Status: 403, Code: "no_candidate", Param: "model", Model: name}
	has := func(r exclusion) bool { return s.counts[r] > 0 }
	switch {
	case len(s.pool.list) == 0:
		e.Kind, e.Status, e.Code = llm.ModelNotFound, 404, "model_not_found"
		e.Message = "The router " + name + " has no model: no provider lists one that it takes. `localrouter routers preview " + j.meaning.router.Name + "` shows what it looks at."
		return e
	case has(contextSmall):
		e.Kind, e.Status, e.Code, e.Param = llm.ContextTooLong, 400, "context_length_exceeded", ""
		e.Message = fmt.Sprintf("The request has about %d tokens, more than any model left to the router %s takes.", j.needs.input, name)
	case has(lacksFeature), has(noOperation), has(wrongEndpoint):
		e.Kind, e.Status, e.Code, e.Param = llm.BadRequest, 400, "unsupported_parameter", ""
		e.Message = "No model of the router " + name + " can take this request."
	case has(priceUnknown):
		e.Code = "price_unknown"
		e.Message = "What this request costs is counted, and no model left to the router " + name + " has a known price. Set one under facts in the settings."
	case has(offline):
		e.Code = "offline"
		e.Message = "LocalRouter is in offline mode, and the router " + name + " has no local model for this request. `localrouter offline off` ends it."
	case has(notLocal):
		e.Code = "local_only"
		e.Message = j.policy.who() + " may reach local models only, and the router " + name + " has none for this request."
	case has(notAllowed):
		e.Code = "model_not_allowed"
		e.Message = j.policy.who() + " may not reach any model of the router " + name + "."
	default:
		e.Message = "The router " + name + " has no model for this request."
	}
	e.Message += " Left out: " + strings.Join(s.reasons(&j.needs), "; ") + ". `localrouter routers preview " + j.meaning.router.Name + "` shows each."
	return e
}

// reasons tells how many candidates were left out for what, the most frequent first.
func (s *selected) reasons(n *needs) []string {
	type tally struct {
		words string
		n     int
	}
	var list []tally
	for i := range s.lefts {
		if s.lefts[i].why == fits {
			continue
		}
		words := s.words(i, n)
		at := slices.IndexFunc(list, func(t tally) bool { return t.words == words })
		if at < 0 {
			list = append(list, tally{words: words})
			at = len(list) - 1
		}
		list[at].n++
	}
	slices.SortStableFunc(list, func(a, b tally) int { return b.n - a.n })
	var out []string
	for _, t := range list[:min(len(list), 6)] {
		out = append(out, fmt.Sprintf("%d %s", t.n, t.words))
	}
	return out
}

// First tells which target a request would be sent to first. Nothing is sent, and nothing remembered.
func (r *Router) First(c *Call) (Target, *llm.Error) {
	chat := *c.Request // whoever counts tokens asks about the chat that would follow
	if chat.Op == llm.CountTokens {
		chat.Op = llm.Chat
	}
	call := *c
	call.Request = &chat
	j := &journey{r: r, c: &call, policy: c.Key, start: r.now(), counts: c.Request}
	if j.policy == nil {
		j.policy = anybody
	}
	if e := j.choose(); e != nil {
		return Target{}, e
	}
	if c.Request.Conversation == nil {
		c.Request.Conversation = chat.Conversation
	}
	return j.order[0].Target, nil
}
