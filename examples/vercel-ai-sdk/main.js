// Vercel's AI SDK through a gateway: generateText, streamText, a tool, and what to do about errors.
// OPENAI_BASE_URL and OPENAI_API_KEY say where; MODEL chooses another model than the usual.

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, RetryError, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const gateway = createOpenAICompatible({
  name: "fastgate",
  baseURL: process.env.OPENAI_BASE_URL,
  apiKey: process.env.OPENAI_API_KEY,
  includeUsage: true, // in streams too
});
const model = gateway(process.env.MODEL ?? "gpt-4o");

const getWeather = tool({
  description: "The weather of a city, now.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => ({ city, celsius: 21 }), // stands for a call of your own service
});

// In the middle of a stream the gateway's error comes as it stands in the event, which is no Error.
class BrokenOff extends Error {}

async function generate() {
  const { text, response } = await generateText({ model, prompt: "Say hello in one sentence." });
  console.log("generate:", text);
  console.log(`  by ${response.headers["x-fastgate-provider"]}, ${response.headers["x-fastgate-request-id"]}`);
}

async function stream() {
  let failure;
  const result = streamText({
    model,
    prompt: "Count to five.",
    onError: ({ error }) => (failure = error), // it would only be logged
  });
  process.stdout.write("stream: ");
  for await (const piece of result.textStream) process.stdout.write(piece);
  if (failure) throw failure instanceof Error ? failure : new BrokenOff(`broken off: ${failure.message}`);
  console.log(`\n  ${(await result.usage).totalTokens} tokens`);
}

async function callTool() {
  const { text, steps } = await generateText({
    model,
    prompt: "How warm is it in Lisbon?",
    tools: { get_weather: getWeather },
    stopWhen: stepCountIs(5),
  });
  console.log(`tool: ${text} (${steps.length} steps)`);
}

function explain(error) {
  if (!error.statusCode) return `no answer: ${error.message}`;
  const id = error.responseHeaders?.["x-fastgate-request-id"];
  const said = `${error.data?.error?.code}: ${error.message} (request ${id})`;
  const wait = error.statusCode === 429 && error.responseHeaders?.["retry-after"];
  return wait ? `again in ${wait} s: ${said}` : said;
}

try {
  for (const step of [generate, stream, callTool]) await step();
} catch (error) {
  // The SDK repeats 429 and 5xx by itself, heeds `retry-after`, and gives the last error at the end.
  const last = RetryError.isInstance(error) ? error.lastError : error;
  if (!APICallError.isInstance(last) && !(last instanceof BrokenOff)) throw error;
  console.error(last instanceof BrokenOff ? last.message : explain(last));
  process.exitCode = 1;
}
