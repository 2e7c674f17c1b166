package cli

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/schemas"
)

func schemaCommand() *cobra.Command {
	var write string
	cmd := &cobra.Command{
		Use:   "schema [TYPE]",
		Short: "List the message types, print one's JSON Schema, or write all of them",
		Args:  atMostOne("TYPE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := schemas.Generate()
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			switch {
			case write != "":
				return writeFiles(write, files)
			case len(args) == 1:
				name := args[0]
				for _, path := range []string{name, "v1/" + schemas.FileName(name), "v1/" + schemas.FileName(schemas.Prefix+"."+name)} {
					if b, ok := files[path]; ok {
						_, err := out.Write(b)
						return err
					}
				}
				return &usageError{cmd.CommandPath(), fmt.Errorf("no message type %q; 'tidegate schema' lists them", name)}
			default:
				for _, m := range schemas.Messages() {
					fmt.Fprintf(out, "%-34s %-8s %s\n", m.Type, m.Class, m.Doc)
				}
				return nil
			}
		},
	}
	cmd.Flags().StringVar(&write, "write", "", "write every schema and asyncapi.yaml below this directory")
	return cmd
}

func writeFiles(dir string, files map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}
