// What the suites share: the things they say and expect, and how a scenario is run and told. Each suite gets its targets
// in the environment and prints one line of JSON for each scenario with each target.
import { deepStrictEqual } from "node:assert";

export const hello = "Hello <world> & 你好 👋";
export const beShort = "Be short.";
export const greeting = "Hello! Nice to meet you.";
export const question = "What is the weather in Paris?";
export const paris = { city: "Paris", unit: "celsius" };
export const tokyo = { city: "Tokyo", unit: "celsius" };
export const clear = `{"temp_c":18,"sky":"clear"}`;
export const weather = {
  name: "get_weather",
  description: "Current weather for a city",
  schema: {
    type: "object",
    properties: { city: { type: "string", description: "City name" }, unit: { type: "string", enum: ["celsius", "fahrenheit"] } },
    required: ["city"],
    additionalProperties: false,
  },
};
export const itIsClear = "It is 18 degrees Celsius and clear in Paris.";
export const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
export const purple = "The pixel is purple.";
export const ada = { name: "Ada Lovelace", age: 36 };
export const personSchema = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
};
export const product = "17 times 23 is 391.";
export const thought = "17*20 is 340 and 17*3 is 51, so the sum is 391.";
export const plan = "The user wants the weather, so I call the tool.";

/** same wants two values equal, whatever the order of their members. */
export function same(got, want, what) {
  try {
    deepStrictEqual(got, want);
  } catch {
    throw new Error(`${what} is ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
  }
}

/** among wants a value to be one of several. */
export function among(got, wants, what) {
  if (!wants.includes(got)) throw new Error(`${what} is ${JSON.stringify(got)}, want one of ${JSON.stringify(wants)}`);
}

/** fails wants what happens to be an error and returns it. */
export async function fails(happens) {
  let got;
  try {
    got = await happens();
  } catch (error) {
    return error;
  }
  throw new Error(`no error, but ${JSON.stringify(got)}`);
}

/** What a provider's failures become at the application: its status and what the message must hold. */
export const failures = {
  e400: { status: [400], message: /too hot/ },
  e401: { status: [401], key: "no-such-key" },
  e404: { status: [404], message: /does not exist|e404/ },
  e429: { status: [429], retryAfter: true },
  e500: { status: [500, 502], message: /fell over/ },
  e529: { status: [503, 529] },
};

/** failed checks an error with the status and the headers that the SDK tells. */
export function failed(failure, error, status, headers) {
  among(status, failure.status, `the status of ${error}`);
  if (failure.message && !failure.message.test(error.message)) throw new Error(`the message is ${JSON.stringify(error.message)}, want ${failure.message}`);
  if (failure.retryAfter) {
    const after = headers?.get ? headers.get("retry-after") : headers?.["retry-after"];
    if (!(Number(after) > 0)) throw new Error(`Retry-After is ${JSON.stringify(after)}`);
  }
}

/** run runs the scenarios of one SDK with each target; a text in place of a function says why the SDK has none. */
export async function run(sdk, scenarios) {
  for (const target of JSON.parse(process.env.SDKTEST_TARGETS)) {
    const at = { ...target, model: (name) => target.prefix + name };
    for (const [scenario, play] of Object.entries(scenarios)) {
      const started = Date.now();
      const line = { sdk, scenario, upstream: target.upstream, ok: true, detail: "" };
      if (typeof play === "string") {
        Object.assign(line, { none: true, detail: play });
      } else {
        let late;
        const patience = new Promise((_, reject) => { late = setTimeout(() => reject(new Error("not done after 20 s")), 20_000); });
        try {
          await Promise.race([play(at), patience]);
        } catch (error) {
          Object.assign(line, { ok: false, detail: `${error?.constructor?.name}: ${error?.message ?? error}`.replace(/\s+/g, " ").slice(0, 400) });
        }
        clearTimeout(late);
      }
      console.log(JSON.stringify({ ...line, ms: Date.now() - started }));
    }
  }
}
