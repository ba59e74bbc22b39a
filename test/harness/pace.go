package harness

import (
	"reflect"
	"time"

	"ilp.health/operator/controllers/stack/pace"
)

const (
	// AWhile is how long specs look that something does not happen. It is longer
	// than any delay after which the operator goes on here.
	AWhile = time.Second
	// hurry is how many times faster than in a cluster the operator goes on.
	hurry = 20
	// rare is what no spec waits for: it triggers what would come by itself, and
	// may look that nothing comes sooner.
	rare = 30 * time.Second
)

// Pace is the default one in a hurry: no spec has to wait until the operator
// goes on. What is rare in a cluster is as rare here.
func Pace() pace.Pace {
	p := pace.Default()
	fields := reflect.ValueOf(&p).Elem()
	for i := range fields.NumField() {
		if wait := time.Duration(fields.Field(i).Int()); wait < rare {
			fields.Field(i).SetInt(int64(max(min(wait, p.CatchUp), wait/hurry)))
		}
	}
	return p
}
