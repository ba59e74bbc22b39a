// Package parts reads what was made for a district: every object of the
// operator's, what Kubernetes and CloudNativePG made for those, and how each does,
// judged as the operator judges it.
package parts

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/source"
	"ilp.health/operator/controllers/stack/record"
)

// State is how an object does.
type State string

const (
	// Ready does its work.
	Ready State = "Ready"
	// Progressing is on its way.
	Progressing State = "Progressing"
	// Failed will not get there without a change, or keeps failing.
	Failed State = "Failed"
	// Missing is written down as data that is in use, and not in the cluster.
	Missing State = "Missing"
	// Unknown could not be read.
	Unknown State = "Unknown"
)

// Part is an object with what belongs to it.
type Part struct {
	Kind    string  `json:"kind"`
	Name    string  `json:"name"`
	State   State   `json:"state"`
	Message string  `json:"message,omitempty"`
	Parts   []*Part `json:"parts,omitempty"`

	// ReplicaSets stand between a Deployment and its pods.
	ReplicaSets []string `json:"-"`
	// Component is the value of the label app.kubernetes.io/component.
	Component string `json:"-"`
	// Object as it was read: whole where its status counts, otherwise its metadata.
	Object client.Object `json:"-"`
}

// Stack is what was made for a district.
type Stack struct {
	// District has the district's own parts.
	District []*Part
	// Puskesmas has those of each facility, by name.
	Puskesmas map[string][]*Part
	// Kept are objects of a Puskesmas that was deleted, such as its database.
	Kept []*Part
}

// Of reads all parts of a stack.
func Of(ctx context.Context, c client.Client, stack *source.Stack) (*Stack, error) {
	d := &stack.District
	r := &reader{client: c, namespace: v1alpha1.NamespaceFor(d.Spec.Code), kinds: map[kind]*listing{}}
	if err := r.readOwned(ctx); err != nil {
		return nil, err
	}
	made, err := r.made(ctx, string(d.Spec.Code))
	if err != nil {
		return nil, fmt.Errorf("the parts of District %s: %w", d.Name, err)
	}
	s := &Stack{Puskesmas: map[string][]*Part{}}
	if s.District, err = r.withData(ctx, made[""], record.District); err != nil {
		return nil, fmt.Errorf("the parts of District %s: %w", d.Name, err)
	}
	delete(made, "")
	for i := range stack.Puskesmas {
		p := &stack.Puskesmas[i]
		if s.Puskesmas[p.Name], err = r.withData(ctx, made[p.Name], record.WriterOf(p.Spec.Code)); err != nil {
			return nil, fmt.Errorf("the parts of Puskesmas %s: %w", p.Name, err)
		}
		delete(made, p.Name)
	}
	for _, kept := range made {
		s.Kept = append(s.Kept, kept...)
	}
	sortParts(s.Kept)
	return s, nil
}

// Unready lists the objects that do not do their work, with those that belong to
// them before themselves: a pod says more than its Deployment.
func Unready(list []*Part) []*Part {
	var out []*Part
	for _, p := range list {
		out = append(out, Unready(p.Parts)...)
		if p.State != Ready && p.State != Unknown {
			out = append(out, p)
		}
	}
	return out
}

// Worst is the state of a group.
func Worst(list []*Part) State {
	for _, state := range []State{Failed, Missing, Progressing, Unknown} {
		for _, p := range list {
			if p.State == state {
				return state
			}
		}
	}
	return Ready
}
