// The official Anthropic SDK.
import Anthropic, { APIError, APIUserAbortError, AuthenticationError, BadRequestError, InternalServerError, NotFoundError, RateLimitError } from "@anthropic-ai/sdk";
import * as h from "./harness.mjs";

const client = (at, key = at.key) => new Anthropic({ baseURL: at.url, apiKey: key, maxRetries: 0 });
const body = (at, model, more) => ({ model: at.model(model), max_tokens: 4096, messages: [{ role: "user", content: h.question }], ...more });
const ask = (at, model, more = {}) => client(at).messages.create(body(at, model, more));
const gather = (at, model, more = {}) => client(at).messages.stream(body(at, model, more)).finalMessage();
const greet = { system: h.beShort, messages: [{ role: "user", content: h.hello }] };
const tools = [{ name: h.weather.name, description: h.weather.description, input_schema: h.weather.schema }];
const of = (answer, type) => answer.content.filter((block) => block.type === type);
const said = (answer) => of(answer, "text").map((block) => block.text).join("");
const called = (answer) => of(answer, "tool_use").map((block) => [block.name, block.input]);
const text = (answer, want, reason = "end_turn") => {
  h.same(said(answer), want, "the answer");
  h.same(answer.stop_reason, reason, "stop_reason");
};
const both = async (at, model, more, check) => {
  check(await ask(at, model, more));
  check(await gather(at, model, more));
};
// second is the conversation with the results of all calls.
const second = (first) => [
  { role: "user", content: h.question },
  { role: "assistant", content: first.content },
  { role: "user", content: of(first, "tool_use").map((block) => ({ type: "tool_result", tool_use_id: block.id, content: h.clear })) },
];
const thinking = { type: "enabled", budget_tokens: 2048 };

const scenarios = {
  plain: async (at) => {
    const answer = await ask(at, "plain", greet);
    text(answer, h.greeting);
    h.same([answer.type, answer.role], ["message", "assistant"], "type and role");
  },
  stream: async (at) => {
    const seen = [];
    let whole = "";
    for await (const event of await ask(at, "stream", { ...greet, stream: true })) {
      if (seen.at(-1) !== event.type && event.type !== "ping") seen.push(event.type);
      if (event.type === "content_block_delta") whole += event.delta.text;
    }
    h.same(whole, h.greeting, "the stream");
    h.same(seen, ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"], "the events");
  },
  tools: (at) => both(at, "tools", { tools }, (answer) => {
    h.same(called(answer), [["get_weather", h.paris]], "the calls");
    h.same(answer.stop_reason, "tool_use", "stop_reason");
  }),
  parallel: async (at) => {
    for (const again of [ask, gather]) {
      const first = await again(at, "parallel", { tools });
      h.same(called(first), [["get_weather", h.paris], ["get_weather", h.tokyo]], "the calls");
      text(await again(at, "parallel", { tools, messages: second(first) }), h.itIsClear);
    }
  },
  toolresult: async (at) => {
    const first = await ask(at, "toolresult", { tools });
    await both(at, "toolresult", { tools, messages: second(first) }, (answer) => text(answer, h.itIsClear));
  },
  image: (at) => both(at, "image", { messages: [{ role: "user", content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: h.pixel } }, { type: "text", text: "What colour?" }] }] },
    (answer) => text(answer, h.purple)),
  schema: (at) => both(at, "schema", { output_config: { format: { type: "json_schema", schema: h.personSchema } } },
    (answer) => h.same(JSON.parse(said(answer)), h.ada, "the object")),
  reasoning: (at) => both(at, "reasoning", { thinking }, (answer) => {
    text(answer, h.product);
    h.same(of(answer, "thinking").map((block) => block.thinking), [h.thought], "the thinking");
    if (!of(answer, "thinking")[0].signature) throw new Error("the thinking has no signature");
  }),
  thinkingtool: async (at) => {
    for (const again of [ask, gather]) {
      const first = await again(at, "thinkingtool", { tools, thinking });
      h.same(first.content.map((block) => block.type), ["thinking", "text", "tool_use"], "the blocks");
      h.same([first.content[0].thinking, first.content[2].input], [h.plan, h.paris], "the thinking and the call");
      text(await again(at, "thinkingtool", { tools, thinking, messages: second(first) }), h.itIsClear);
    }
  },
  stop: (at) => both(at, "stop", { stop_sequences: ["END"] }, (answer) => {
    h.same(said(answer), "hi ", "the answer");
    h.among(answer.stop_reason, at.speaks === "anthropic" ? ["stop_sequence"] : ["stop_sequence", "end_turn"], "stop_reason");
  }),
  length: (at) => both(at, "length", { max_tokens: 6 }, (answer) => text(answer, "one, two, three,", "max_tokens")),
  usage: (at) => both(at, "usage", greet, (answer) => h.same([answer.usage.input_tokens, answer.usage.output_tokens], [24, 8], "usage")),
  abort: async (at) => {
    const leave = new AbortController();
    const error = await h.fails(async () => {
      const stream = await client(at).messages.create(body(at, "slow", { ...greet, stream: true }), { signal: leave.signal });
      for await (const event of stream) if (event.type === "content_block_delta") leave.abort();
      if (leave.signal.aborted) throw new APIUserAbortError();
    });
    if (!(error instanceof APIUserAbortError)) throw error;
  },
  midstream: async (at) => {
    let before = "";
    const error = await h.fails(async () => {
      for await (const event of await ask(at, "midstream-error", { stream: true })) if (event.type === "content_block_delta") before += event.delta.text;
      return before;
    });
    if (!(error instanceof APIError)) throw error;
    h.same(before, "Hel", "what came before the error");
  },
};
const classes = { e400: BadRequestError, e401: AuthenticationError, e404: NotFoundError, e429: RateLimitError, e500: InternalServerError, e529: InternalServerError };
for (const [name, failure] of Object.entries(h.failures)) {
  scenarios[name] = async (at) => {
    for (const stream of [false, true]) {
      const error = await h.fails(() => client(at, failure.key).messages.create(body(at, name, { ...greet, stream })));
      h.failed(failure, error, error.status, error.headers);
      if (!(error instanceof classes[name])) throw new Error(`the error is a ${error.constructor.name}`);
      h.same(error.error?.type, "error", "the type of the error's body");
    }
  };
}

await h.run("anthropic", scenarios);
