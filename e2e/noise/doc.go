// Package noise makes what else is heard on a telephone: streets, cafés and
// cars behind the caller, coughs, and the telephone itself. All of it is
// computed, from a seed, so that it is the same on every machine and belongs
// to nobody.
package noise
