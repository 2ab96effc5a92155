// openai-node: `node openai_driver.mjs URL KEY`, with the SDK in the directory OPENAI_NODE. Each line on stdin
// is a call, its result the next line on stdout, as with serve.py. The calls are those of openai_driver.py.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { default: OpenAI } = createRequire(process.env.OPENAI_NODE + "/")("openai");

const [url, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0, timeout: 20_000 });

const options = (task) => ({
  max_tokens: 2048,
  ...(task.tool && { tools: [{ type: "function", function: task.tool }] }),
  ...(task.schema && {
    response_format: { type: "json_schema", json_schema: { name: "report", schema: task.schema, strict: true } },
  }),
  ...(task.stop && { stop: [task.stop] }),
  ...(task.think && { reasoning_effort: "medium" }),
});

const imageOf = (task) => task.image_url ?? (task.image && `data:image/png;base64,${task.image}`);

const messages = (task) => {
  const url = imageOf(task);
  const content = url ? [{ type: "text", text: task.text }, { type: "image_url", image_url: { url } }] : task.text;
  return [{ role: "system", content: task.system }, { role: "user", content }];
};

const create = (model, task, turns = [], more = {}) =>
  client.chat.completions.create({ model, messages: [...messages(task), ...turns], ...options(task), ...more });

const usageOf = (usage) => ({
  input: usage.prompt_tokens,
  cached: usage.prompt_tokens_details?.cached_tokens ?? 0,
  output: usage.completion_tokens,
  reasoning: usage.completion_tokens_details?.reasoning_tokens ?? 0,
});

const seen = ({ choices: [{ message, finish_reason }], usage }) => ({
  text: message.content ?? "",
  thoughts: message.reasoning_content ?? "",
  calls: (message.tool_calls ?? []).map((call) => [call.function.name, JSON.parse(call.function.arguments)]),
  finish: finish_reason,
  usage: usageOf(usage),
});

// The SDK's own helper puts the stream together, and knows nothing of thoughts.
const stream = async (model, task) => {
  const running = client.chat.completions.stream({
    model,
    messages: messages(task),
    ...options(task),
    stream_options: { include_usage: true },
  });
  let thoughts = "";
  for await (const chunk of running) thoughts += chunk.choices[0]?.delta.reasoning_content ?? "";
  const completion = await running.finalChatCompletion();
  return { ...seen(completion), thoughts };
};

const loop = async (model, task) => {
  const { message } = (await create(model, task)).choices[0];
  const results = message.tool_calls.map(({ id }) => ({ role: "tool", tool_call_id: id, content: task.result }));
  return seen(await create(model, task, [message, ...results]));
};

const again = async (model, task) => {
  const { message } = (await create(model, task)).choices[0];
  return seen(await create(model, task, [message, { role: "user", content: task.next }]));
};

const asked = (task) => {
  const url = imageOf(task);
  const image = { type: "input_image", detail: "auto", image_url: url };
  return [{ role: "user", content: url ? [{ type: "input_text", text: task.text }, image] : task.text }];
};

const respond = (model, task, turns = [], more = {}) =>
  client.responses.create({
    model,
    instructions: task.system,
    input: [...asked(task), ...turns],
    max_output_tokens: 2048,
    ...(task.tool && { tools: [{ type: "function", strict: false, ...task.tool }] }),
    ...(task.schema && {
      text: { format: { type: "json_schema", name: "report", schema: task.schema, strict: true } },
    }),
    ...(task.think && {
      reasoning: { effort: "medium", summary: "auto" },
      include: ["reasoning.encrypted_content"],
    }),
    ...more,
  });

const seenResponse = ({ output, output_text, status, usage }) => ({
  text: output_text ?? "",
  thoughts: output
    .filter(({ type }) => type === "reasoning")
    .flatMap((item) => (item.summary.length ? item.summary : (item.content ?? [])))
    .map(({ text }) => text)
    .join(""),
  calls: output
    .filter(({ type }) => type === "function_call")
    .map((item) => [item.name, JSON.parse(item.arguments)]),
  finish: status,
  usage: {
    input: usage.input_tokens,
    cached: usage.input_tokens_details.cached_tokens,
    output: usage.output_tokens,
    reasoning: usage.output_tokens_details.reasoning_tokens,
  },
});

const responsesStream = async (model, task) => {
  let text = "";
  let last;
  for await (const event of await respond(model, task, [], { stream: true })) {
    last = event;
    if (event.type === "response.output_text.delta") text += event.delta;
  }
  if (last.type === "response.failed") return { raised: last.response.error.code, status: null };
  return { ...seenResponse(last.response), text };
};

const responsesLoop = async (model, task) => {
  const { output } = await respond(model, task);
  const results = output
    .filter(({ type }) => type === "function_call")
    .map(({ call_id }) => ({ type: "function_call_output", call_id, output: task.result }));
  return seenResponse(await respond(model, task, [...output, ...results]));
};

const responsesAgain = async (model, task) => {
  const { output } = await respond(model, task);
  return seenResponse(await respond(model, task, [...output, { role: "user", content: task.next }]));
};

const models = async (model) => (await client.models.list()).data.some(({ id }) => id === model);

const embed = async (model, task) => {
  const { data, usage } = await client.embeddings.create({ model, input: task.texts });
  return { vectors: data.map(({ embedding }) => embedding), input: usage.prompt_tokens };
};

const CALLS = {
  plain: async (model, task) => seen(await create(model, task)),
  stream,
  loop,
  again,
  responses: async (model, task) => seenResponse(await respond(model, task)),
  responses_stream: responsesStream,
  responses_loop: responsesLoop,
  responses_again: responsesAgain,
  models,
  embed,
};

const raised = (error) => {
  if (!(error instanceof OpenAI.OpenAIError)) throw error;
  return { raised: error.constructor.name, status: error.status ?? null };
};

for await (const line of createInterface({ input: process.stdin })) {
  const { call, model, task } = JSON.parse(line);
  let result;
  try {
    result = await CALLS[call](model, task);
  } catch (error) {
    result = raised(error);
  }
  console.log(JSON.stringify(result));
}
