// Package telegraph holds engines that speak and hear without a mistake, for
// whole calls whose callers answer what they are asked: text goes over the
// line as tones that stand for its number in a code book, and comes out of
// them word by word. What a recogniser mishears is tested elsewhere; here a
// call that goes another way than it should is the fault of nobody's ears.
package telegraph
