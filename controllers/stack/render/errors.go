package render

import "fmt"

// ComponentError says that a component cannot be rendered: its folder is wrong
// or the operator fills it wrongly. No user can mend it by a spec.
type ComponentError struct {
	// Path of the component below config/stack.
	Path string
	Err  error
}

func (e *ComponentError) Error() string { return fmt.Sprintf("component %s: %v", e.Path, e.Err) }

func (e *ComponentError) Unwrap() error { return e.Err }

// PatchError says that a patch of a user cannot be applied, and what would be right.
type PatchError struct {
	// Index of the patch in spec.patches.
	Index int
	// Target that the patch names, such as "Deployment/tebidah-rme".
	Target string
	// Reason says what is wrong and what would be right.
	Reason string
}

func (e *PatchError) Error() string {
	if e.Target == "" {
		return fmt.Sprintf("spec.patches[%d]: %s", e.Index, e.Reason)
	}
	return fmt.Sprintf("spec.patches[%d] (%s): %s", e.Index, e.Target, e.Reason)
}
