// OpenAI's SDK through a gateway: chat, a stream, a tool call, embeddings, and what to do about errors.
// OPENAI_BASE_URL and OPENAI_API_KEY are read by the SDK; MODEL and EMBEDDING_MODEL choose others than the usual.

import { randomUUID } from "node:crypto";
import OpenAI from "openai";

const MODEL = process.env.MODEL ?? "gpt-4o";
const EMBEDDING_MODEL = process.env.EMBEDDING_MODEL ?? "text-embedding-3-small";
const MOST_TURNS = 5;

const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather of a city, now.",
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    },
  },
};

// Stands for a call of your own service.
const getWeather = ({ city }) => JSON.stringify({ city, celsius: 21 });

// The SDK repeats 429 and 5xx by itself, and waits for as long as `retry-after` says.
const client = new OpenAI({ timeout: 60_000, maxRetries: 3 });

async function chat() {
  // The id is in the gateway's log too; it comes back under the gateway's own name.
  const headers = { "X-Request-Id": `order-4711-${randomUUID()}` };
  const { data, response } = await client.chat.completions
    .create(
      {
        model: MODEL,
        max_completion_tokens: 500,
        messages: [{ role: "user", content: "Say hello in one sentence." }],
      },
      { headers },
    )
    .withResponse();
  console.log("chat:", data.choices[0].message.content);
  console.log(
    `  by ${response.headers.get("x-fastgate-provider")}, ${response.headers.get("x-fastgate-request-id")}`,
  );
}

async function stream() {
  const chunks = await client.chat.completions.create({
    model: MODEL,
    messages: [{ role: "user", content: "Count to five." }],
    stream: true,
    stream_options: { include_usage: true },
  });
  process.stdout.write("stream: ");
  for await (const chunk of chunks) {
    process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
    if (chunk.usage) console.log(`\n  ${chunk.usage.total_tokens} tokens`);
  }
}

async function tool() {
  const messages = [{ role: "user", content: "How warm is it in Lisbon?" }];
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    const answer = await client.chat.completions.create({ model: MODEL, messages, tools: [WEATHER] });
    const message = answer.choices[0].message;
    if (!message.tool_calls?.length) {
      console.log("tool:", message.content);
      return;
    }
    // As a whole: a model that thinks wants its thoughts back, and the gateway puts them where it does.
    messages.push(message);
    for (const call of message.tool_calls) {
      const content = getWeather(JSON.parse(call.function.arguments));
      messages.push({ role: "tool", tool_call_id: call.id, content });
    }
  }
  throw new Error(`no answer after ${MOST_TURNS} turns`);
}

async function embeddings() {
  const { data } = await client.embeddings.create({ model: EMBEDDING_MODEL, input: ["an apple", "a pear"] });
  console.log("embeddings:", data.length, "of", data[0].embedding.length, "dimensions");
}

function explain(error) {
  const said = `${error.code}: ${error.message} (request ${error.requestID})`;
  if (error.status === 402) return `the budget is used up: ${said}`; // no exception of its own in the SDK
  const wait = error.status === 429 && error.headers.get("retry-after");
  return wait ? `again in ${wait} s: ${said}` : said;
}

try {
  for (const step of [chat, stream, tool, embeddings]) await step();
} catch (error) {
  if (error instanceof OpenAI.APIConnectionError) {
    console.error(`no answer from ${client.baseURL}: ${error.cause ?? error.message}`); // timeouts too
  } else if (error instanceof OpenAI.APIError && error.status) {
    console.error(explain(error));
  } else if (error instanceof OpenAI.APIError) {
    console.error(`broken off: ${error.code} ${error.message}`); // in the middle of a stream
  } else {
    throw error;
  }
  process.exitCode = 1;
}
