// Package complete offers a shell the names that a command's arguments may have.
package complete

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/cmd/kubectl-ilp/internal/source"
)

// patience of a person who has pressed the key.
const patience = 3 * time.Second

// Names lists what an argument may be, from the arguments before it.
type Names func(ctx context.Context, c client.Client, before []string) ([]string, error)

// Args completes arguments by their place, which may be the first ones only.
// Whatever goes wrong, nothing is offered.
func Args(f *cmdutil.Factory, places ...Names) cobra.CompletionFunc {
	return func(cmd *cobra.Command, before []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(before) >= len(places) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), patience)
		defer cancel()
		c, err := f.Client()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names, err := places[len(before)](ctx, c, before)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, begun) })
		slices.Sort(names)
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// District names every District.
func District(ctx context.Context, c client.Client, _ []string) ([]string, error) {
	list := &v1alpha1.DistrictList{}
	err := c.List(ctx, list)
	return namesOf(list.Items, func(d *v1alpha1.District) string { return d.Name }), err
}

// Puskesmas names those of the district that comes before.
func Puskesmas(ctx context.Context, c client.Client, before []string) ([]string, error) {
	stack, err := source.StackOf(ctx, c, before[len(before)-1])
	if err != nil {
		return nil, err
	}
	return namesOf(stack.Puskesmas, func(p *v1alpha1.Puskesmas) string { return p.Name }), nil
}

// Wave names every Wave.
func Wave(ctx context.Context, c client.Client, _ []string) ([]string, error) {
	list := &v1alpha1.WaveList{}
	err := c.List(ctx, list)
	return namesOf(list.Items, func(w *v1alpha1.Wave) string { return w.Name }), err
}

// Stage names those of the wave that comes before.
func Stage(ctx context.Context, c client.Client, before []string) ([]string, error) {
	wave := &v1alpha1.Wave{}
	err := c.Get(ctx, client.ObjectKey{Name: before[len(before)-1]}, wave)
	return namesOf(wave.Spec.Rollout.Stages, func(s *v1alpha1.Stage) string { return string(s.Name) }), err
}

// Release names every StackRelease.
func Release(ctx context.Context, c client.Client, _ []string) ([]string, error) {
	list := &v1alpha1.StackReleaseList{}
	err := c.List(ctx, list)
	return namesOf(list.Items, func(r *v1alpha1.StackRelease) string { return r.Name }), err
}

func namesOf[T any](list []T, name func(*T) string) []string {
	var names []string
	for i := range list {
		names = append(names, name(&list[i]))
	}
	return names
}
