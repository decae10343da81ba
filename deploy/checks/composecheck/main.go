// Composecheck reads compose files as `docker compose config` does, prints what they come to, and fails where that
// would: unknown keys, dependencies on services that are not there, volumes that nobody declared.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	text, err := resolved(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(string(text))
}

func resolved(files []string) ([]byte, error) {
	options, err := cli.NewProjectOptions(files,
		cli.WithInterpolation(true), cli.WithResolvedPaths(true), cli.WithConsistency(true), cli.WithProfiles([]string{"*"}))
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	return project.MarshalYAML()
}
