// The AI SDK with its two providers: OpenAI's in chat mode, and Anthropic's. It makes the same calls with both.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, generateText, jsonSchema, Output, stepCountIs, streamText, tool } from "ai";
import * as h from "./harness.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;

const providers = {
  "ai/openai": {
    model: (at, name, key = at.key) => createOpenAI({ baseURL: at.url + "/v1", apiKey: key }).chat(at.model(name)),
    // The model's name tells the SDK nothing, so it is told that the model reasons.
    thinks: { openai: { reasoningEffort: "high", forceReasoning: true } },
    shows: false, // its chat mode knows no reasoning text
  },
  "ai/anthropic": {
    model: (at, name, key = at.key) => createAnthropic({ baseURL: at.url + "/v1", apiKey: key })(at.model(name)),
    thinks: { anthropic: { thinking: { type: "enabled", budgetTokens: 2048 } } },
    shows: true,
  },
};

function suite({ model, thinks, shows }) {
  const call = (at, name, more, key) => ({ model: model(at, name, key), prompt: h.question, maxRetries: 0, ...more });
  const ask = (at, name, more = {}) => generateText(call(at, name, more));
  const gather = async (at, name, more = {}) => {
    const stream = streamText({ ...call(at, name, more), onError: () => {} });
    let parts = 0;
    for await (const part of stream.fullStream) {
      if (part.type === "error") throw part.error;
      if (part.type === "text-delta") parts++;
    }
    const [text, finishReason, toolCalls, usage, reasoningText, steps] =
      await Promise.all([stream.text, stream.finishReason, stream.toolCalls, stream.totalUsage, stream.reasoningText, stream.steps]);
    return { text, finishReason, toolCalls, usage, reasoningText, steps, parts, output: more.output && (await stream.output) };
  };
  const both = async (at, name, more, check) => {
    check(await ask(at, name, more));
    check(await gather(at, name, more));
  };
  const greet = { system: h.beShort, prompt: h.hello };
  const described = { description: h.weather.description, inputSchema: jsonSchema(h.weather.schema) };
  const tools = { get_weather: tool(described) };
  // worked is a tool that answers; the SDK then asks the model again by itself.
  const worked = { tools: { get_weather: tool({ ...described, execute: async () => JSON.parse(h.clear) }) }, stopWhen: stepCountIs(3) };
  const called = (answer) => answer.toolCalls.map((c) => [c.toolName, c.input]);
  const text = (answer, want, finish = "stop") => h.same([answer.text, answer.finishReason], [want, finish], "the answer");

  const scenarios = {
    plain: async (at) => text(await ask(at, "plain", greet), h.greeting),
    stream: async (at) => {
      const answer = await gather(at, "stream", greet);
      text(answer, h.greeting);
      if (answer.parts < 2) throw new Error("the text came in one piece");
    },
    tools: (at) => both(at, "tools", { tools }, (answer) => {
      h.same([called(answer), answer.finishReason], [[["get_weather", h.paris]], "tool-calls"], "the calls");
    }),
    parallel: (at) => both(at, "parallel", worked, (answer) => {
      h.same(called(answer.steps[0]), [["get_weather", h.paris], ["get_weather", h.tokyo]], "the calls");
      text(answer, h.itIsClear);
    }),
    toolresult: (at) => both(at, "toolresult", worked, (answer) => {
      h.same(answer.steps.length, 2, "the number of steps");
      text(answer, h.itIsClear);
    }),
    image: (at) => both(at, "image", { prompt: undefined, messages: [{ role: "user", content: [{ type: "text", text: "What colour?" }, { type: "image", image: h.pixel, mediaType: "image/png" }] }] },
      (answer) => text(answer, h.purple)),
    schema: (at) => both(at, "schema", { output: Output.object({ schema: jsonSchema(h.personSchema), name: "person" }) },
      (answer) => h.same(answer.output, h.ada, "the object")),
    reasoning: (at) => both(at, "reasoning", { providerOptions: thinks }, (answer) => {
      text(answer, h.product);
      if (shows) h.same(answer.reasoningText, h.thought, "the reasoning");
    }),
    thinkingtool: (at) => both(at, "thinkingtool", { ...worked, providerOptions: thinks }, (answer) => {
      h.same(called(answer.steps[0]), [["get_weather", h.paris]], "the calls");
      if (shows) h.same(answer.steps[0].reasoningText, h.plan, "the reasoning");
      text(answer, h.itIsClear);
    }),
    stop: (at) => both(at, "stop", { stopSequences: ["END"] }, (answer) => text(answer, "hi ")),
    length: (at) => both(at, "length", { maxOutputTokens: 6 }, (answer) => text(answer, "one, two, three,", "length")),
    usage: (at) => both(at, "usage", greet, ({ usage }) => h.same([usage.inputTokens, usage.outputTokens, usage.totalTokens], [24, 8, 32], "usage")),
    abort: async (at) => {
      const leave = new AbortController();
      let last;
      for await (const part of streamText({ ...call(at, "slow", greet), abortSignal: leave.signal, onError: () => {} }).fullStream) {
        if (part.type === "error") throw part.error;
        if (part.type === "text-delta") leave.abort();
        last = part.type;
      }
      h.same(last, "abort", "the last part");
    },
    midstream: async (at) => {
      let said = "", error;
      for await (const part of streamText({ ...call(at, "midstream-error"), onError: () => {} }).fullStream) {
        if (part.type === "text-delta") said += part.text;
        if (part.type === "error") error = part.error;
      }
      h.same([said, error !== undefined], ["Hel", true], "what came before the error, and the error");
    },
  };
  for (const [name, failure] of Object.entries(h.failures)) {
    scenarios[name] = async (at) => {
      const sent = call(at, name, greet, failure.key);
      for (const happens of [() => generateText(sent), () => gather(at, name, sent)]) {
        const error = await h.fails(happens);
        if (!APICallError.isInstance(error)) throw error;
        h.failed(failure, error, error.statusCode, error.responseHeaders);
      }
    };
  }
  return scenarios;
}

const name = process.argv[2];
await h.run(name, suite(providers[name]));
