// Package knowledge finds the entry of a knowledge base that answers a
// caller's question. It is pure: an Index is built once from the questions
// that each entry answers, and a look-up depends on nothing but the sentence.
//
// Sentences are compared by characters, pairs of characters and the way both
// sound (see nlu.Term), each weighed by how few questions have it. A score is
// the weight of what two sentences share, in proportion to that and to what
// only one of them has (Tversky 1977, "Features of Similarity"): it lies in
// [0,1] however many entries there are, so one threshold serves every base.
package knowledge
