// The same calls as calls.py, with the official Node SDK: `node calls.mjs BASE_URL KEY lax CALL…`.
// Run with NODE_PATH-like resolution from build/node (the SDK is given by its path in OPENAI_NODE).
import { createRequire } from "node:module";

const { default: OpenAI, toFile } = createRequire(process.env.OPENAI_NODE + "/")("openai");

const [baseURL, apiKey, , ...names] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 20_000 });

const BLANKED = new Set(["id", "created", "created_at", "completed_at", "item_id", "call_id"]);
const user = (content) => [{ role: "user", content }];
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [{ type: "function", function: { name: "get_weather", parameters } }];
const schema = {
  type: "object",
  properties: { city: { type: "string" }, degrees: { type: "integer" } },
  required: ["city", "degrees"],
  additionalProperties: false,
};

const all = async (stream) => {
  const seen = [];
  for await (const item of stream) seen.push(item);
  return seen;
};
const chat = (body) => client.chat.completions.create({ model: "gpt-4o", messages: user("hello"), ...body });
const embed = (input, encoding_format) =>
  client.embeddings.create({ model: "text-embedding-3-small", input, encoding_format });

const CALLS = {
  chat: () => chat({}),
  chat_stream: async () => all(await chat({ stream: true })),
  chat_stream_usage: async () => all(await chat({ stream: true, stream_options: { include_usage: true } })),
  chat_tools: () => chat({ messages: user("weather"), tools }),
  chat_tools_stream: async () => all(await chat({ messages: user("weather"), tools, stream: true })),
  chat_structured: () =>
    chat({
      messages: user("structured"),
      response_format: { type: "json_schema", json_schema: { name: "report", schema, strict: true } },
    }),
  embeddings_base64: () => embed(["one", "two"]),
  embeddings_float: () => embed("one", "float"),
  embeddings_tokens: () => embed([[15339, 1917], [11]], "float"),
  responses: () => client.responses.create({ model: "gpt-4o", input: "hello" }),
  responses_stream: async () =>
    all(await client.responses.create({ model: "gpt-4o", input: "hello", stream: true })),
  audio_upload: async () =>
    client.audio.transcriptions.create({
      model: "whisper-1",
      file: await toFile(Buffer.alloc(50_000, 7), "speech.wav"),
    }),
  models_list: async () => (await client.models.list()).data.every((model) => model.object === "model"),
  unknown_model: () => chat({ model: "no-such-model" }),
  wrong_key: () => client.withOptions({ apiKey: "sk-wrong" }).chat.completions.create({ model: "gpt-4o", messages: user("hello") }),
  rate_limited: () => chat({ model: "limited-node", messages: user("RATE") }),
  bad_request: () => chat({ messages: user("BAD") }),
};

const blank = (key, value) => (BLANKED.has(key) ? null : value);

for (const name of names) {
  let result;
  try {
    result = JSON.parse(JSON.stringify(await CALLS[name](), blank));
  } catch (error) {
    result = { raised: error.constructor.name, status: error.status };
  }
  console.log(JSON.stringify({ call: name, result }));
}
