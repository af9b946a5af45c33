package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
)

// go-ethereum's packages replace the help texts of urfave/cli when they are
// linked in; these are ours.

const appHelp = `{{.Name}}: {{.Usage}}

{{.Description}}

commands:{{range .VisibleCommands}}
  {{printf "%-10s" .Name}}{{.Usage}}{{end}}

options:
{{range .VisibleFlags}}{{.}}
{{end}}
{{.Name}} COMMAND --help explains a command.
`

const commandHelp = `{{.HelpName}}: {{.Usage}}
{{if .Description}}
{{.Description}}
{{end}}{{if .VisibleCommands}}
commands:{{range .VisibleCommands}}
  {{printf "%-10s" .Name}}{{.Usage}}{{end}}
{{end}}{{if .VisibleFlags}}
options:
{{range .VisibleFlags}}{{.}}
{{end}}{{end}}`

func setHelp(app *cli.App) {
	cli.AppHelpTemplate, cli.CommandHelpTemplate, cli.SubcommandHelpTemplate = appHelp, commandHelp, commandHelp
	cli.FlagStringer = describeFlag
	setCommands(app.Commands)
	app.OnUsageError = usageError
	app.CommandNotFound = func(c *cli.Context, name string) {
		fmt.Fprintf(os.Stderr, "fhevm-node: there is no command %q: see fhevm-node --help\n", name)
		os.Exit(1)
	}
}

func setCommands(commands []*cli.Command) {
	for _, c := range commands {
		c.HideHelpCommand, c.OnUsageError = true, usageError
		if c.ArgsUsage == "" {
			c.Action = withoutArguments(c.Action)
		}
		setCommands(c.Subcommands)
	}
}

// withoutArguments refuses what an action would ignore: "prune dry-run" prunes.
func withoutArguments(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		switch name := c.Args().First(); {
		case c.NArg() > 0 && len(c.Command.Subcommands) > 0:
			return usageError(c, fmt.Errorf("there is no command %q", name), true)
		case c.NArg() > 0:
			return usageError(c, fmt.Errorf("argument %q is not understood: options begin with --", name), false)
		case action == nil:
			return cli.ShowSubcommandHelp(c)
		}
		return action(c)
	}
}

// usageError tells an error in one line, without a page of help that hides it.
func usageError(c *cli.Context, err error, _ bool) error {
	return fmt.Errorf("%w: see %s --help", err, c.Command.HelpName)
}

// describeFlag is a flag's lines in the help: name, value in backquotes of the
// usage, explanation, default and environment variable.
func describeFlag(f cli.Flag) string {
	doc, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return "  --" + f.Names()[0]
	}
	usage := doc.GetUsage()
	head := "  --" + f.Names()[0]
	if parts := strings.SplitN(usage, "`", 3); len(parts) == 3 {
		head += " " + parts[1]
		usage = parts[0] + parts[1] + parts[2]
	}
	if value := doc.GetValue(); doc.TakesValue() && value != "" && value != "0" && value != "[]" {
		usage += fmt.Sprintf(" (default: %s)", value)
	}
	if env := doc.GetEnvVars(); len(env) > 0 {
		usage += " [$" + env[0] + "]"
	}
	return head + "\n        " + usage
}
