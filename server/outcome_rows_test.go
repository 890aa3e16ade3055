package server

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"localrouter/providers/llm"
	"localrouter/providers/providertest"
	"localrouter/providers/upstream"
	tracker "localrouter/routing/health"
)

// outcome is a row of the table of outcomes: what a provider does, and what follows from it.
type outcome struct {
	name   string
	script func(dialect llm.Dialect, stream bool) providertest.Script // nil: nobody is there
	// only narrows the row to what it is about; nil: everything.
	only func(dialect llm.Dialect, stream bool) bool
	kind llm.Kind
	// status is that of the attempt; spelled what an application of OpenAI's and of Anthropic's dialect is told where the
	// provider's own body cannot be sent.
	status  int
	spelled [2]int
	said    string // the provider's own words; empty: they are ours
	body    bool   // the provider's body is sent where one attempt was made and the dialect is the same
	asIs    bool   // and after several attempts as well
	again   int    // how often the same target is asked again where no other is left
	waits   bool   // the same target is asked once more before any other
	stays   bool   // no other target is asked
	key     bool   // another credential is asked
	mark    tracker.Cause
	rest    time.Duration
	breaker bool
	after   string // Retry-After that the application reads
	options upstream.Options
}

func statusRow(status int, spelled [2]int) outcome {
	return outcome{name: strconv.Itoa(status), kind: llm.ProviderFailed, status: status, spelled: spelled, said: "It is down.", body: true, again: 2, breaker: true,
		script: func(d llm.Dialect, _ bool) providertest.Script {
			return providertest.JSON(status, refusal(d, "api_error", "", "It is down."))
		}}
}

// asIsRow is what the application did wrong.
func asIsRow(status int) outcome {
	return outcome{name: strconv.Itoa(status), kind: llm.ProviderRejected, status: status, spelled: [2]int{status, status}, said: "That is wrong.", body: true, asIs: true, stays: true,
		script: func(d llm.Dialect, _ bool) providertest.Script {
			return providertest.JSON(status, refusal(d, "invalid_request_error", "", "That is wrong."))
		}}
}

func limitedRow(name string, field string, rest time.Duration, after string) outcome {
	return outcome{name: name, kind: llm.RateLimited, status: 429, spelled: [2]int{429, 429}, said: "Slow down.", body: true, key: true, mark: tracker.RateLimited, rest: rest, after: after,
		script: func(d llm.Dialect, _ bool) providertest.Script {
			return func(c *providertest.Conn) error {
				field := strings.ReplaceAll(field, "DATE", time.Now().Add(91*time.Second).UTC().Format(http.TimeFormat))
				return providertest.JSON(429, refusal(d, "rate_limit_error", "rate_limit_exceeded", "Slow down."), field)(c)
			}
		}}
}

func authRow(status int) outcome {
	return outcome{name: strconv.Itoa(status), kind: llm.ProviderAuth, status: 502, spelled: [2]int{502, 502}, key: true, mark: tracker.KeyRefused, rest: 15 * time.Minute,
		script: func(d llm.Dialect, _ bool) providertest.Script {
			return providertest.JSON(status, refusal(d, "authentication_error", "invalid_api_key", "Incorrect API key provided"))
		}}
}

func onlyStream(_ llm.Dialect, stream bool) bool { return stream }
func onlyWhole(_ llm.Dialect, stream bool) bool  { return !stream }
func onlyOpenAI(d llm.Dialect, _ bool) bool      { return d == llm.OpenAI }
func onlyAnthropic(d llm.Dialect, _ bool) bool   { return d == llm.Anthropic }

var outcomes = []outcome{
	{name: "nobody is there", kind: llm.Unreachable, status: 502, spelled: [2]int{502, 502}, breaker: true},
	{name: "hangs up before headers", kind: llm.Unreachable, status: 502, spelled: [2]int{502, 502}, breaker: true,
		script: func(llm.Dialect, bool) providertest.Script { return providertest.Hangup() }},

	statusRow(408, [2]int{408, 502}), statusRow(500, [2]int{500, 500}), statusRow(502, [2]int{502, 502}), statusRow(503, [2]int{503, 529}), statusRow(529, [2]int{529, 529}),
	{name: "stream cut before content", only: onlyStream, kind: llm.Broken, status: 502, spelled: [2]int{502, 502}, again: 2, breaker: true,
		script: func(d llm.Dialect, _ bool) providertest.Script { return silent(d, (*providertest.Conn).Cut) }},
	{name: "stream ends before content", only: onlyStream, kind: llm.Broken, status: 502, spelled: [2]int{502, 502}, again: 2, breaker: true,
		script: func(d llm.Dialect, _ bool) providertest.Script { return silent(d, (*providertest.Conn).End) }},
	{name: "reply cut", only: onlyWhole, kind: llm.Broken, status: 502, spelled: [2]int{502, 502}, again: 2, breaker: true,
		script: func(llm.Dialect, bool) providertest.Script {
			return func(c *providertest.Conn) error {
				if err := c.Raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"id\":"); err != nil {
					return err
				}
				return c.Cut()
			}
		}},
	{name: "error event before content", only: func(d llm.Dialect, stream bool) bool { return d == llm.OpenAI && stream }, kind: llm.ProviderFailed, status: 503, spelled: [2]int{503, 529},
		said: "Overloaded", again: 2, breaker: true,
		script: func(llm.Dialect, bool) providertest.Script {
			return providertest.Stream(providertest.Role(), providertest.Event(`{"error":{"message":"Overloaded","code":503}}`), providertest.Done)
		}},
	{name: "error event before content", only: func(d llm.Dialect, stream bool) bool { return d == llm.Anthropic && stream }, kind: llm.ProviderFailed, status: 529, spelled: [2]int{529, 529},
		said: "Overloaded", again: 2, breaker: true,
		script: func(d llm.Dialect, _ bool) providertest.Script {
			return providertest.Stream(messageStart, "event: error\ndata: "+refusal(d, "overloaded_error", "", "Overloaded")+"\n\n")
		}},
	{name: "error inside a 200", only: func(d llm.Dialect, stream bool) bool { return d == llm.OpenAI && !stream }, kind: llm.ProviderFailed, status: 502, spelled: [2]int{502, 502},
		said: "Upstream error", body: true, again: 2, breaker: true,
		script: func(llm.Dialect, bool) providertest.Script {
			return providertest.JSON(200, `{"error":{"message":"Upstream error","code":502}}`)
		}},
	{name: "first byte timeout", only: onlyStream, kind: llm.Timeout, status: 504, spelled: [2]int{504, 504}, breaker: true, options: upstream.Options{FirstByte: 30 * time.Millisecond},
		script: func(llm.Dialect, bool) providertest.Script { return providertest.Silent() }},

	func() outcome {
		o := limitedRow("429 for a moment", "Retry-After-Ms: 20", 20*time.Millisecond, "1")
		o.waits, o.after = true, ""
		return o
	}(),
	limitedRow("429 in seconds", "Retry-After: 60", time.Minute, "60"),
	limitedRow("429 in milliseconds", "Retry-After-Ms: 61500", 61500*time.Millisecond, "62"),
	limitedRow("429 until a date", "Retry-After: DATE", 91*time.Second, ""),
	limitedRow("429 beyond the ceiling", "Retry-After: 7200", 15*time.Minute, "7200"),
	func() outcome {
		o := limitedRow("429 without a time", "X-Ratelimit-Remaining: 0", 15*time.Second, "")
		o.only = onlyOpenAI // Anthropic's says that the money is used up
		return o
	}(),
	{name: "402", kind: llm.Quota, status: 402, spelled: [2]int{402, 402}, said: "Buy credits.", body: true, key: true, mark: tracker.QuotaUsed, rest: 15 * time.Minute,
		script: func(d llm.Dialect, _ bool) providertest.Script {
			return providertest.JSON(402, refusal(d, "billing_error", "", "Buy credits."))
		}},
	{name: "insufficient_quota", only: onlyOpenAI, kind: llm.Quota, status: 429, spelled: [2]int{429, 402}, said: "Check your plan.", body: true, key: true, mark: tracker.QuotaUsed, rest: 15 * time.Minute,
		script: func(d llm.Dialect, _ bool) providertest.Script {
			return providertest.JSON(429, refusal(d, "insufficient_quota", "insufficient_quota", "Check your plan."), "Retry-After: 1")
		}},
	{name: "429 of Anthropic without a time", only: onlyAnthropic, kind: llm.Quota, status: 429, spelled: [2]int{429, 402}, said: "Spend limit.", body: true, key: true, mark: tracker.QuotaUsed, rest: 15 * time.Minute,
		script: func(d llm.Dialect, _ bool) providertest.Script {
			return providertest.JSON(429, refusal(d, "rate_limit_error", "", "Spend limit."))
		}},
	authRow(401), authRow(403),
	{name: "404", kind: llm.ModelNotFound, status: 404, spelled: [2]int{404, 404}, said: "No such model.", body: true, mark: tracker.ModelUnknown, rest: 5 * time.Minute,
		script: func(d llm.Dialect, _ bool) providertest.Script {
			return providertest.JSON(404, refusal(d, "not_found_error", "model_not_found", "No such model."))
		}},
	{name: "context too long", kind: llm.ContextTooLong, status: 400, spelled: [2]int{400, 400}, said: "Too many tokens.", body: true, asIs: true, stays: true,
		script: func(d llm.Dialect, _ bool) providertest.Script {
			return providertest.JSON(400, refusal(d, "invalid_request_error", "context_length_exceeded", "Too many tokens."))
		}},
	{name: "content policy", only: onlyOpenAI, kind: llm.ContentPolicy, status: 400, spelled: [2]int{400, 400}, said: "Not allowed.", body: true, asIs: true, stays: true,
		script: func(d llm.Dialect, _ bool) providertest.Script {
			return providertest.JSON(400, refusal(d, "invalid_request_error", "content_policy_violation", "Not allowed."))
		}},
	asIsRow(400), asIsRow(413), asIsRow(422),
	{name: "redirect", kind: llm.Redirected, status: 502, spelled: [2]int{502, 502}, breaker: true,
		script: func(llm.Dialect, bool) providertest.Script { return providertest.Redirect("/v1/elsewhere") }},
}
