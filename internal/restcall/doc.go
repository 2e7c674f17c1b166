// Package restcall makes the HTTP calls that a YAML file describes: requests
// from templates, answers mapped by JMESPath, with the other side's
// authentication, within bounds of time and size. Connectors to order and
// ticket systems are made of it: what is named in both has one name.
//
// It is the only importer of the JMESPath, the OAuth2 and the Standard
// Webhooks library. Its errors name the place in the file and show values
// masked.
package restcall
