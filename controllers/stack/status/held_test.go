package status

import (
	"errors"
	"testing"
)

// TestWithHeld: of a stack that does not go where it is asked to people read that
// and what it does meanwhile.
func TestWithHeld(t *testing.T) {
	held := &Stop{Stalled: true, Reason: "UpgradePath", Message: "no way"}
	failure := errors.New("no route to host")
	for name, c := range map[string]struct {
		err  error
		held *Stop
		want error
	}{
		"nothing":              {},
		"not held":             {err: failure, want: failure},
		"nothing else":         {held: held, want: held},
		"the same":             {err: held, held: held, want: held},
		"a failure to be told": {err: failure, held: held, want: failure},
		"a wait": {
			err: &Stop{Reason: "Progressing", Message: "waiting", RetryAfter: 5}, held: held,
			want: &Stop{Stalled: true, Reason: "UpgradePath", Message: "no way; meanwhile: waiting", RetryAfter: 5},
		},
		"what a person must do first": {
			err: &Stop{Stalled: true, Reason: "RenderFailed", Message: "mistake"}, held: held,
			want: &Stop{Stalled: true, Reason: "RenderFailed", Message: "mistake. Besides, no way"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, want := WithHeld(c.err, c.held), c.want
			if stop, ok := got.(*Stop); ok { //nolint:errorlint // it is the error itself
				if wanted, ok := want.(*Stop); !ok || *stop != *wanted { //nolint:errorlint // as above
					t.Errorf("%+v, want %+v", got, want)
				}
				return
			}
			if !errors.Is(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}
