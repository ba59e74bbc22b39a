// Package tree is kubectl ilp tree: what belongs to a district, and how each of
// its objects does.
package tree

import (
	"cmp"
	"context"
	"io"

	"github.com/spf13/cobra"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/blocker"
	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/cmd/kubectl-ilp/internal/complete"
	"ilp.health/operator/cmd/kubectl-ilp/internal/page"
	"ilp.health/operator/cmd/kubectl-ilp/internal/parts"
	"ilp.health/operator/cmd/kubectl-ilp/internal/source"
)

const long = `Print what was made for a district and for each of its Puskesmas: the objects of the operator,
with the pods and volumes that were made for those. Objects are judged as the operator judges them.

✓ does its work   ○ is on its way, or could not be read   ✗ fails, or is missing`

// NewCommand is kubectl ilp tree.
func NewCommand(f *cmdutil.Factory) *cobra.Command {
	output := ""
	cmd := &cobra.Command{
		Use: "tree DISTRICT", Short: "Print what belongs to a district, and how it does", Long: long,
		Args: cmdutil.Args(cobra.ExactArgs(1)), ValidArgsFunction: complete.Args(f, complete.District),
		RunE: func(cmd *cobra.Command, args []string) error { return run(cmd.Context(), f, args[0], output) },
	}
	cmdutil.AddOutput(cmd, &output, cmdutil.YAML)
	return cmd
}

func run(ctx context.Context, f *cmdutil.Factory, name, output string) error {
	if err := cmdutil.CheckOutput(output, cmdutil.YAML); err != nil {
		return err
	}
	c, err := f.Client()
	if err != nil {
		return err
	}
	stack, err := source.StackOf(ctx, c, name)
	if err != nil {
		return err
	}
	found, err := parts.Of(ctx, c, stack)
	if err != nil {
		return err
	}
	root := grow(stack, found)
	if output != cmdutil.Text {
		return cmdutil.Write(f.Streams.Out, output, root)
	}
	return write(page.Coloured(f.Streams.Out), root)
}

// Groups of a tree that are no objects.
const (
	groupComponent = "Component"
	groupKept      = "Kept"
)

// grow puts the components of the district first, then its Puskesmas, then what
// was left when something else went.
func grow(stack *source.Stack, found *parts.Stack) *parts.Part {
	d := &stack.District
	root := &parts.Part{Kind: "District", Name: d.Name}
	root.State, root.Message = stateOf(blocker.OfDistrict(d, nil))
	groups := map[string]*parts.Part{}
	// In the order in which they come up; the API server knows of others by their label.
	for _, component := range []string{"isolation", "database", "pws", "dashboard", "exposure"} {
		groups[component] = &parts.Part{Kind: groupComponent, Name: component}
		root.Parts = append(root.Parts, groups[component])
	}
	for _, p := range found.District {
		group := groups[p.Component]
		if group == nil {
			group = &parts.Part{Kind: groupComponent, Name: cmp.Or(p.Component, "others")}
			groups[p.Component] = group
			root.Parts = append(root.Parts, group)
		}
		group.Parts = append(group.Parts, p)
	}
	root.Parts = withParts(root.Parts)
	for i := range stack.Puskesmas {
		p := &stack.Puskesmas[i]
		node := &parts.Part{Kind: "Puskesmas", Name: p.Name, Parts: found.Puskesmas[p.Name]}
		node.State, node.Message = stateOf(blocker.OfPuskesmas(d, p, nil))
		root.Parts = append(root.Parts, node)
	}
	if len(found.Kept) > 0 {
		root.Parts = append(root.Parts, &parts.Part{
			Kind: groupKept, Name: "kept", State: parts.Worst(found.Kept), Parts: found.Kept,
			Message: "of Puskesmas that are gone, with the labels of " + v1alpha1.ManagerName,
		})
	}
	return root
}

// withParts drops empty groups and judges the others.
func withParts(groups []*parts.Part) []*parts.Part {
	var out []*parts.Part
	for _, g := range groups {
		if len(g.Parts) > 0 {
			g.State = parts.Worst(g.Parts)
			out = append(out, g)
		}
	}
	return out
}

// stateOf puts a resource's own word into the words for objects.
func stateOf(b *blocker.Blocker) (parts.State, string) {
	switch {
	case b == nil:
		return parts.Ready, ""
	case b.Outcome == blocker.Held:
		return parts.Failed, b.Reason + ": " + b.Message
	default:
		return parts.Progressing, b.Reason + ": " + b.Message
	}
}

func write(out io.Writer, root *parts.Part) error {
	p := page.New(out)
	p.Sayf("%s", text(root))
	branches(p, root.Parts, "")
	return p.Err
}
