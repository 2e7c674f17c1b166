// Package nlu names the intent of a caller's sentence. It is pure and needs no
// network: a Model is trained from example sentences and keyword evidence and
// scores text on characters, character pairs and pinyin, so that homophones
// that a recogniser confuses ("推货" for "退货") still land.
package nlu
