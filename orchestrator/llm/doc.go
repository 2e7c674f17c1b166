// Package llm asks a language model of any server that speaks OpenAI's chat
// completions: what a sentence means that the classifier is unsure of, and
// the words of an answer from facts that are given to it.
//
// A model only proposes. What it is told and may answer is a dialog.Consult;
// the dialogue checks every answer against its flow, and goes on without one
// after the time limit. The caller's words go out as data, a JSON string in a
// message of the user, with numbers and addresses masked unless configured
// otherwise. Neither they nor what the model says gets into logs or errors.
//
// Sources: the API reference of OpenAI for chat completions, structured
// outputs and their streaming.
package llm
