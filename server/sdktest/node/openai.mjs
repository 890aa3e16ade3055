// The official OpenAI SDK.
import OpenAI, { APIError, APIUserAbortError, AuthenticationError, BadRequestError, InternalServerError, NotFoundError, RateLimitError } from "openai";
import * as h from "./harness.mjs";

const client = (at, key = at.key) => new OpenAI({ baseURL: at.url + "/v1", apiKey: key, maxRetries: 0 });
const ask = (at, model, more = {}) => client(at).chat.completions.create({ model: at.model(model), messages: [{ role: "user", content: h.question }], ...more });
const gather = (at, model, more = {}) => client(at).chat.completions.stream({ model: at.model(model), messages: [{ role: "user", content: h.question }], ...more }).finalChatCompletion();
const greet = [{ role: "system", content: h.beShort }, { role: "user", content: h.hello }];
const tools = [{ type: "function", function: { name: h.weather.name, description: h.weather.description, parameters: h.weather.schema } }];
const called = (answer) => answer.choices[0].message.tool_calls.map((c) => [c.type, c.function.name, JSON.parse(c.function.arguments)]);
const wants = (...all) => all.map((args) => ["function", "get_weather", args]);
const text = (answer, want, finish = "stop") => {
  h.same(answer.choices[0].message.content, want, "the answer");
  h.same(answer.choices[0].finish_reason, finish, "finish_reason");
};
// both asks once for a whole answer and once for a stream.
const both = async (at, model, more, check) => {
  check(await ask(at, model, more));
  check(await gather(at, model, more));
};
const usage = (answer) => {
  h.same([answer.usage?.prompt_tokens, answer.usage?.completion_tokens, answer.usage?.total_tokens], [24, 8, 32], "usage");
};

const scenarios = {
  plain: async (at) => {
    const answer = await ask(at, "plain", { messages: greet });
    text(answer, h.greeting);
    h.same([answer.object, answer.choices[0].message.role], ["chat.completion", "assistant"], "object and role");
  },
  stream: async (at) => {
    let said = "", parts = 0, finish, id;
    for await (const chunk of await ask(at, "stream", { messages: greet, stream: true })) {
      id ??= chunk.id;
      h.same(chunk.id, id, "the id of a later chunk");
      if (!chunk.choices.length) throw new Error(`a chunk without choices that nobody asked for: ${JSON.stringify(chunk)}`);
      if (chunk.choices[0].delta.content) parts++;
      said += chunk.choices[0].delta.content ?? "";
      finish ??= chunk.choices[0].finish_reason;
    }
    h.same([said, finish, parts > 1], [h.greeting, "stop", true], "the stream");
  },
  tools: (at) => both(at, "tools", { tools }, (answer) => {
    h.same(called(answer), wants(h.paris), "the calls");
    h.same(answer.choices[0].finish_reason, "tool_calls", "finish_reason");
  }),
  parallel: async (at) => {
    for (const again of [ask, gather]) {
      const first = await again(at, "parallel", { tools });
      h.same(called(first), wants(h.paris, h.tokyo), "the calls");
      const message = first.choices[0].message;
      const messages = [{ role: "user", content: h.question }, message, ...message.tool_calls.map((c) => ({ role: "tool", tool_call_id: c.id, content: h.clear }))];
      text(await again(at, "parallel", { tools, messages }), h.itIsClear);
    }
  },
  toolresult: async (at) => {
    const first = await ask(at, "toolresult", { tools });
    const message = first.choices[0].message;
    await both(at, "toolresult", { tools, messages: [{ role: "user", content: h.question }, message, { role: "tool", tool_call_id: message.tool_calls[0].id, content: h.clear }] }, (answer) => text(answer, h.itIsClear));
  },
  image: (at) => both(at, "image", { messages: [{ role: "user", content: [{ type: "text", text: "What colour?" }, { type: "image_url", image_url: { url: "data:image/png;base64," + h.pixel } }] }] },
    (answer) => text(answer, h.purple)),
  schema: (at) => both(at, "schema", { response_format: { type: "json_schema", json_schema: { name: "person", strict: true, schema: h.personSchema } } },
    (answer) => h.same(JSON.parse(answer.choices[0].message.content), h.ada, "the object")),
  reasoning: (at) => both(at, "reasoning", { reasoning_effort: "high" }, (answer) => {
    text(answer, h.product);
    if (answer.usage && !(answer.usage.completion_tokens_details?.reasoning_tokens > 0)) throw new Error("no reasoning tokens in " + JSON.stringify(answer.usage));
  }),
  thinkingtool: async (at) => {
    const first = await ask(at, "thinkingtool", { tools, reasoning_effort: "high" });
    h.same(called(first), wants(h.paris), "the calls");
    const message = first.choices[0].message;
    h.same(message.reasoning_content, h.plan, "reasoning_content");
    text(await ask(at, "thinkingtool", { tools, reasoning_effort: "high", messages: [{ role: "user", content: h.question }, message, { role: "tool", tool_call_id: message.tool_calls[0].id, content: h.clear }] }), h.itIsClear);
  },
  stop: (at) => both(at, "stop", { stop: ["END"] }, (answer) => text(answer, "hi ")),
  length: (at) => both(at, "length", { max_completion_tokens: 6 }, (answer) => {
    h.same([answer.choices[0].message.content, answer.choices[0].finish_reason], ["one, two, three,", "length"], "the answer");
  }),
  usage: async (at) => {
    usage(await ask(at, "usage", { messages: greet }));
    usage(await gather(at, "usage", { messages: greet, stream_options: { include_usage: true } }));
  },
  abort: async (at) => {
    const leave = new AbortController();
    const error = await h.fails(async () => {
      const stream = await client(at).chat.completions.create({ model: at.model("slow"), messages: greet, stream: true }, { signal: leave.signal });
      for await (const chunk of stream) if (chunk.choices[0]?.delta.content) leave.abort();
      if (leave.signal.aborted) throw new APIUserAbortError();
    });
    if (!(error instanceof APIUserAbortError)) throw error;
  },
  midstream: async (at) => {
    let said = "";
    const error = await h.fails(async () => {
      for await (const chunk of await ask(at, "midstream-error", { stream: true })) said += chunk.choices[0]?.delta.content ?? "";
      return said;
    });
    if (!(error instanceof APIError)) throw error;
    h.same(said, "Hel", "what came before the error");
  },
};
const classes = { e400: BadRequestError, e401: AuthenticationError, e404: NotFoundError, e429: RateLimitError, e500: InternalServerError, e529: InternalServerError };
for (const [name, failure] of Object.entries(h.failures)) {
  scenarios[name] = async (at) => {
    for (const stream of [false, true]) {
      const error = await h.fails(() => client(at, failure.key).chat.completions.create({ model: at.model(name), messages: greet, stream }));
      h.failed(failure, error, error.status, error.headers);
      if (!(error instanceof classes[name])) throw new Error(`the error is a ${error.constructor.name}`);
    }
  };
}

await h.run("openai", scenarios);
