// Asks as a person's applications on Node do, with the official SDKs. One line of JSON comes in for each request, one goes
// out for each answer; conversations are kept here. player.go is the other side.
import { createInterface } from "node:readline";
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";

const { REPLAY_URL: url } = process.env;
const clients = new Map(), talks = new Map();

function client(dialect, key) {
  const at = dialect + key;
  if (!clients.has(at)) {
    clients.set(at, dialect === "openai" ? new OpenAI({ baseURL: url + "/v1", apiKey: key, maxRetries: 0 }) : new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 }));
  }
  return clients.get(at);
}

/** talk is the conversation a step goes on with, or a new one. */
function talk(step) {
  if (!step.talk) return { messages: [], calls: [] };
  const at = step.dialect + step.talk;
  if (!talks.has(at)) talks.set(at, { messages: [], calls: [] });
  return talks.get(at);
}

async function chatOpenAI(c, step, answer) {
  const t = talk(step);
  const messages = t.messages.length ? [...t.messages] : [{ role: "system", content: step.system }];
  for (const id of t.calls) messages.push({ role: "tool", tool_call_id: id, content: step.file });
  if (step.picture) {
    messages.push({ role: "user", content: [{ type: "text", text: step.text }, { type: "image_url", image_url: { url: "data:image/png;base64," + step.pixel } }] });
  } else if (step.text || !t.calls.length) messages.push({ role: "user", content: step.text + " " });
  const body = { model: step.model, messages, max_completion_tokens: step.most };
  if (step.tools) body.tools = [{ type: "function", function: { name: "read_file", description: "Reads a file", parameters: step.schema } }];
  let made;
  if (step.stream) {
    const { data, response } = await c.chat.completions.create({ ...body, stream: true, stream_options: { include_usage: true } }).withResponse();
    keep(answer, response);
    made = await gather(data);
  } else {
    const { data, response } = await c.chat.completions.create(body).withResponse();
    keep(answer, response);
    made = data;
  }
  const message = made.choices[0].message;
  Object.assign(answer, { text: message.content ?? "", input: made.usage?.prompt_tokens, output: made.usage?.completion_tokens });
  if (!message.content && !message.tool_calls?.length) return; // nothing to go on with, and servers refuse an empty turn
  t.messages = [...messages, message];
  t.calls = (message.tool_calls ?? []).map((call) => call.id);
}

/** gather adds up the chunks of a stream, as applications do that show it while it comes. */
async function gather(stream) {
  const message = { role: "assistant", content: "" }, made = { choices: [{ message }] };
  for await (const chunk of stream) {
    if (chunk.usage) made.usage = chunk.usage;
    const delta = chunk.choices[0]?.delta;
    message.content += delta?.content ?? "";
    for (const part of delta?.tool_calls ?? []) {
      const call = ((message.tool_calls ??= [])[part.index] ??= { id: "", type: "function", function: { name: "", arguments: "" } });
      call.id += part.id ?? "";
      call.function.name += part.function?.name ?? "";
      call.function.arguments += part.function?.arguments ?? "";
    }
  }
  return made;
}

async function chatAnthropic(c, step, answer) {
  const t = talk(step);
  const content = t.calls.map((id) => ({ type: "tool_result", tool_use_id: id, content: step.file }));
  if (step.picture) content.push({ type: "image", source: { type: "base64", media_type: "image/png", data: step.pixel } });
  if (step.text || !content.length) content.push({ type: "text", text: step.text + " " });
  const messages = [...t.messages, { role: "user", content }];
  const body = { model: step.model, max_tokens: step.most, system: step.system, messages };
  if (step.tools) body.tools = [{ name: "read_file", description: "Reads a file", input_schema: step.schema }];
  let made;
  if (step.stream) {
    const stream = c.messages.stream(body);
    stream.on("error", () => {}); // told by finalMessage
    const { response } = await stream.withResponse();
    keep(answer, response);
    made = await stream.finalMessage();
  } else {
    const { data, response } = await c.messages.create(body).withResponse();
    keep(answer, response);
    made = data;
  }
  const u = made.usage;
  Object.assign(answer, { text: made.content.map((b) => b.text ?? "").join(""), output: u.output_tokens,
    input: u.input_tokens + (u.cache_read_input_tokens ?? 0) + (u.cache_creation_input_tokens ?? 0) });
  if (!made.content.length) return; // nothing to go on with
  t.calls = made.content.filter((b) => b.type === "tool_use").map((b) => b.id);
  t.messages = [...messages, { role: "assistant", content: made.content }];
}

function keep(answer, response) {
  answer.status = response.status;
  answer.headers = Object.fromEntries(response.headers);
}

async function play(step) {
  const answer = { id: step.id };
  const c = client(step.dialect, step.key);
  try {
    switch (step.form) {
      case "listed": {
        const { data, response } = await c.models.list().withResponse();
        keep(answer, response);
        answer.models = data.data.map((m) => m.id);
        break;
      }
      case "embedded": {
        const { data, response } = await c.embeddings.create({ model: step.model, input: [step.text, "a second text"], encoding_format: "float" }).withResponse();
        keep(answer, response);
        answer.input = data.usage.prompt_tokens;
        break;
      }
      case "counted": {
        const { data, response } = await c.messages.countTokens({ model: step.model, messages: [{ role: "user", content: step.text }] }).withResponse();
        keep(answer, response);
        answer.input = data.input_tokens;
        break;
      }
      default:
        await (step.dialect === "openai" ? chatOpenAI : chatAnthropic)(c, step, answer);
    }
  } catch (error) {
    answer.error = `${error?.constructor?.name}: ${error?.message ?? error}`;
    answer.status = answer.headers ? -1 : error?.status ?? 0; // an answer that had begun is torn
    if (!answer.headers && error?.headers) answer.headers = Object.fromEntries(error.headers);
  }
  console.log(JSON.stringify(answer));
}

for await (const line of createInterface({ input: process.stdin })) play(JSON.parse(line));
