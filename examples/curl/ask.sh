#!/bin/sh
# The gateway by curl alone: chat, a stream, embeddings, what the key may spend, and what it has used.
# OPENAI_BASE_URL (with /v1) and OPENAI_API_KEY say where; MODEL and EMBEDDING_MODEL choose others than the usual.
set -eu

: "${OPENAI_BASE_URL:?the gateway, such as http://127.0.0.1:8080/v1}" "${OPENAI_API_KEY:?a virtual key}"
model=${MODEL:-gpt-4o}
embedding_model=${EMBEDDING_MODEL:-text-embedding-3-small}

# 429 and 5xx are repeated, after `retry-after` where it is said; an error is shown, and ends the script.
# The key goes by standard input: any process of the machine can read arguments.
ask() {
  path=$1
  shift
  printf 'header = "Authorization: Bearer %s"\n' "$OPENAI_API_KEY" |
    curl --config - --silent --show-error --fail-with-body --retry 3 --max-time 60 \
      --header 'Content-Type: application/json' "$@" "$OPENAI_BASE_URL$path"
  echo
}

echo '--- chat'
ask /chat/completions --include --data "{
  \"model\": \"$model\",
  \"max_completion_tokens\": 500,
  \"messages\": [{\"role\": \"user\", \"content\": \"Say hello in one sentence.\"}]
}"

echo '--- stream'
ask /chat/completions --no-buffer --data "{
  \"model\": \"$model\",
  \"stream\": true,
  \"stream_options\": {\"include_usage\": true},
  \"messages\": [{\"role\": \"user\", \"content\": \"Count to five.\"}]
}"

echo '--- embeddings'
ask /embeddings --data "{\"model\": \"$embedding_model\", \"input\": \"an apple\"}"

echo '--- what this key may spend'
ask /budget

echo '--- what it has used'
ask /usage
