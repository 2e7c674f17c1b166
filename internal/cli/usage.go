package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// usageError is a command line that cannot be understood: exit code 2, one
// line, and where help is.
type usageError struct {
	command string
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func wrongUsage(c *cobra.Command, format string, args ...any) error {
	return &usageError{c.CommandPath(), fmt.Errorf(format, args...)}
}

// group makes a command that only holds others. A group has no flags of its
// own to speak of: those that it does not know are left to the command that
// the words should have named, so that the wrong word is what is told of.
func group(c *cobra.Command, members ...*cobra.Command) *cobra.Command {
	c.Args, c.RunE = unknownSubcommand, needSubcommand
	c.FParseErrWhitelist.UnknownFlags = c.Name() != rootName // the root's is left to itself: a flag alone is a mistake there
	c.AddCommand(members...)
	return c
}

const rootName = "tidegate"

// wrongFlag prefers the wrong word that stands before a wrong flag.
func wrongFlag(c *cobra.Command, err error) error {
	if words := c.Flags().Args(); c.HasSubCommands() && len(words) > 0 {
		return unknownSubcommand(c, words)
	}
	return &usageError{c.CommandPath(), err}
}

func unknownSubcommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "there is " + commandsOf(c)
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + or(near) + "? There is " + commandsOf(c)
	}
	return wrongUsage(c, "unknown command %q for %q; %s", args[0], c.CommandPath(), hint)
}

// needSubcommand: who types the program's name alone wants to know what there
// is; who types a group's has forgotten a word.
func needSubcommand(c *cobra.Command, _ []string) error {
	if c.CommandPath() == rootName {
		return c.Help()
	}
	return wrongUsage(c, "%s wants a command: %s", within(c), commandsOf(c))
}

// within is a command's path below the program, whose name stands before each
// message.
func within(c *cobra.Command) string {
	return strings.TrimPrefix(c.CommandPath(), rootName+" ")
}

// commandsOf names a group's commands.
func commandsOf(c *cobra.Command) string {
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" && sub.Name() != "completion" {
			names = append(names, sub.Name())
		}
	}
	return or(names)
}

func or(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// exactly is cobra.ExactArgs as a usage error.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return wrongUsage(c, "%s wants %s, got %d arguments", within(c), what, len(args))
		}
		return nil
	}
}

// atMostOne is cobra.MaximumNArgs(1) as a usage error.
func atMostOne(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > 1 {
			return wrongUsage(c, "%s wants one %s at most, got %d arguments", within(c), what, len(args))
		}
		return nil
	}
}

// noArguments is cobra.NoArgs as a usage error.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return wrongUsage(c, "%s takes no arguments, got %q", within(c), args[0])
	}
	return nil
}
