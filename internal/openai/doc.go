// Package openai is a client of servers that speak OpenAI's two audio
// endpoints, POST /audio/transcriptions and POST /audio/speech: OpenAI's own,
// vLLM, Speaches, and the many that wrap a model in the same form.
//
// Sources: the API reference of OpenAI, and for what the others do
// differently vllm/entrypoints/openai/speech_to_text.py (vLLM) and
// src/speaches/routers (Speaches). Answers are bounded, and what they say in
// words never gets into an error: it may be what a caller said.
package openai
