// LangChain with its two chat models, OpenAI's over chat completions and Anthropic's. It makes the same calls with both.
import { ChatAnthropic } from "@langchain/anthropic";
import { AIMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import * as h from "./harness.mjs";

const providers = {
  "langchain/openai": {
    chat: (at, name, { key = at.key, stop, limit, thinks } = {}) => new ChatOpenAI({
      model: at.model(name), apiKey: key, configuration: { baseURL: at.url + "/v1" }, maxRetries: 0, useResponsesApi: false,
      stop, maxTokens: limit, modelKwargs: thinks ? { reasoning_effort: "high" } : {},
    }),
    finish: (answer) => answer.response_metadata.finish_reason,
    schema: { method: "jsonSchema", name: "person", strict: true },
    shows: false, // it knows no reasoning text in chat completions
    sums: (_, got) => h.same(got, [24, 8], "usage"),
    reasons: { stop: ["stop"], stopped: ["stop"], length: ["length"], calls: ["tool_calls"] },
  },
  "langchain/anthropic": {
    chat: (at, name, { key = at.key, stop, limit, thinks } = {}) => new ChatAnthropic({
      model: at.model(name), apiKey: key, anthropicApiUrl: at.url, maxRetries: 0,
      stopSequences: stop, maxTokens: limit ?? 4096, ...(thinks && { thinking: { type: "enabled", budget_tokens: 2048 } }),
    }),
    finish: (answer) => answer.response_metadata.stop_reason ?? answer.additional_kwargs.stop_reason,
    schema: { name: "person" }, // by its default, which is a forced tool
    shows: true,
    // Of a stream it adds up the output of the first and the last event, and takes the input from the first alone: there
    // another vendor's provider has not counted yet.
    sums: (at, [input, output]) => {
      h.among(output, [8, 9], "the output tokens");
      if (at.speaks === "anthropic") h.same(input, 24, "the input tokens");
    },
    reasons: { stop: ["end_turn"], stopped: ["stop_sequence", "end_turn"], length: ["max_tokens"], calls: ["tool_use"] },
  },
};

function suite({ chat, finish, schema, shows, sums, reasons }) {
  const asked = [new HumanMessage(h.question)];
  const greet = [new SystemMessage(h.beShort), new HumanMessage(h.hello)];
  const weather = tool(async () => h.clear, { name: h.weather.name, description: h.weather.description, schema: h.weather.schema });
  const gather = async (model, messages) => {
    let all;
    for await (const chunk of await model.stream(messages)) all = all === undefined ? chunk : all.concat(chunk);
    return all;
  };
  const ways = [(model, messages) => model.invoke(messages), gather];
  const both = async (make, messages, check) => {
    for (const way of ways) check(await way(make(), messages));
  };
  const text = (answer, want, ends = reasons.stop) => {
    h.same(answer.text, want, "the answer");
    h.among(finish(answer), ends, "the reason of the end");
  };
  const called = (answer) => answer.tool_calls.map((c) => [c.name, c.args]);
  // loop is the turn with the calls and the one with their results.
  const loop = async (way, model, calls) => {
    const first = await way(model, asked);
    h.same(called(first), calls, "the calls");
    const results = first.tool_calls.map((c) => new ToolMessage({ tool_call_id: c.id, content: h.clear }));
    text(await way(model, [...asked, new AIMessage({ content: first.content, tool_calls: first.tool_calls, additional_kwargs: first.additional_kwargs }), ...results]), h.itIsClear);
    return first;
  };
  const shown = (answer) => (Array.isArray(answer.content) ? answer.content : []).filter((block) => block.type === "thinking").map((block) => block.thinking).join("");

  const scenarios = {
    plain: async (at) => text(await chat(at, "plain").invoke(greet), h.greeting),
    stream: async (at) => {
      let said = "", parts = 0;
      for await (const chunk of await chat(at, "stream").stream(greet)) {
        said += chunk.text;
        if (chunk.text) parts++;
      }
      h.same([said, parts > 1], [h.greeting, true], "the stream");
    },
    tools: (at) => both(() => chat(at, "tools").bindTools([weather]), asked, (answer) => {
      h.same(called(answer), [["get_weather", h.paris]], "the calls");
      h.among(finish(answer), reasons.calls, "the reason of the end");
    }),
    parallel: async (at) => {
      for (const way of ways) await loop(way, chat(at, "parallel").bindTools([weather]), [["get_weather", h.paris], ["get_weather", h.tokyo]]);
    },
    toolresult: async (at) => {
      for (const way of ways) await loop(way, chat(at, "toolresult").bindTools([weather]), [["get_weather", h.paris]]);
    },
    image: (at) => both(() => chat(at, "image"),
      [new HumanMessage({ content: [{ type: "text", text: "What colour?" }, { type: "image_url", image_url: { url: "data:image/png;base64," + h.pixel } }] })],
      (answer) => text(answer, h.purple)),
    schema: async (at) => h.same(await chat(at, "schema").withStructuredOutput(h.personSchema, schema).invoke(asked), h.ada, "the object"),
    reasoning: (at) => both(() => chat(at, "reasoning", { thinks: true }), asked, (answer) => {
      text(answer, h.product);
      if (shows) h.same(shown(answer), h.thought, "the reasoning");
    }),
    thinkingtool: async (at) => {
      for (const way of ways) {
        const first = await loop(way, chat(at, "thinkingtool", { thinks: true }).bindTools([weather]), [["get_weather", h.paris]]);
        if (shows) h.same(shown(first), h.plan, "the reasoning");
      }
    },
    stop: (at) => both(() => chat(at, "stop", { stop: ["END"] }), asked, (answer) => text(answer, "hi ", reasons.stopped)),
    length: (at) => both(() => chat(at, "length", { limit: 6 }), asked, (answer) => text(answer, "one, two, three,", reasons.length)),
    usage: async (at) => {
      const whole = (await chat(at, "usage").invoke(greet)).usage_metadata;
      h.same([whole?.input_tokens, whole?.output_tokens, whole?.total_tokens], [24, 8, 32], "usage");
      const streamed = (await gather(chat(at, "usage"), greet)).usage_metadata;
      sums(at, [streamed?.input_tokens, streamed?.output_tokens]);
    },
    abort: async (at) => {
      const leave = new AbortController();
      const error = await h.fails(async () => {
        for await (const chunk of await chat(at, "slow").stream(greet, { signal: leave.signal })) if (chunk.text) leave.abort();
        if (leave.signal.aborted) throw new Error("aborted");
      });
      if (!/abort/i.test(error.name + error.message)) throw error;
    },
    midstream: async (at) => {
      let said = "";
      const error = await h.fails(async () => {
        for await (const chunk of await chat(at, "midstream-error").stream(asked)) said += chunk.text;
        return said;
      });
      h.same([said, error.message.startsWith("no error")], ["Hel", false], "what came before the error");
    },
  };
  for (const [name, failure] of Object.entries(h.failures)) {
    scenarios[name] = async (at) => {
      for (const way of ways) {
        const error = await h.fails(() => way(chat(at, name, { key: failure.key }), greet));
        h.failed(failure, error, error.status, error.headers);
      }
    };
  }
  return scenarios;
}

const name = process.argv[2];
await h.run(name, suite(providers[name]));
