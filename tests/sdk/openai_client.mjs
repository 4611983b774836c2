// Makes one call with OpenAI's own SDK for Node and prints what came of it, as JSON.
//
// Usage: node openai_client.mjs NODE_MODULES BASE_URL TOKEN CALL MAX_RETRIES
// It decides nothing: the tests do, from what it prints. `attempts` counts the requests that the SDK sent.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, baseUrl, token, call, maxRetries] = process.argv.slice(2);
const resolve = createRequire(`${modules}/`).resolve;
const { default: OpenAI } = await import(pathToFileURL(resolve("openai")).href).then((loaded) =>
  loaded.default?.default ? loaded.default : loaded,
);

const messages = [{ role: "user", content: "Say hello" }];

const calls = {
  chat: async (client) => (await client.chat.completions.create({ model: "m", messages })).choices[0].message.content,
  chat_stream: async (client) => {
    const texts = [];
    for await (const chunk of await client.chat.completions.create({ model: "m", messages, stream: true })) {
      if (chunk.choices.length > 0) texts.push(chunk.choices[0].delta.content ?? null);
    }
    return texts;
  },
  responses_stream: async (client) => {
    const types = [];
    for await (const event of await client.responses.create({ model: "m", input: "Say hello", stream: true })) {
      types.push(event.type);
    }
    return types;
  },
  embeddings: async (client) =>
    (await client.embeddings.create({ model: "m", input: "hello", encoding_format: "float" })).data[0].embedding,
  models: async (client) => {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    return ids;
  },
};

// The error's class and those that it is derived from, so that a test can name any of them.
function classes(error) {
  const names = [];
  for (let kind = error.constructor; kind?.name; kind = Object.getPrototypeOf(kind)) names.push(kind.name);
  return names;
}

let attempts = 0;
const client = new OpenAI({
  baseURL: `${baseUrl}/v1`,
  apiKey: token,
  maxRetries: Number(maxRetries),
  fetch: (...request) => {
    attempts += 1;
    return fetch(...request);
  },
});

let outcome;
try {
  outcome = { result: await calls[call](client) };
} catch (error) {
  outcome = {
    error: classes(error),
    status: error.status ?? null,
    code: error.code ?? null,
    type: error.type ?? null,
  };
}
console.log(JSON.stringify({ ...outcome, attempts }));
