package simulate

import (
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"ilp.health/operator/controllers/wave/planner"
)

// Options are what the planner cannot know of the future.
type Options struct {
	// Start is the time at which the story begins.
	Start time.Time
	// DistrictTime is how long each district takes from its start until it is
	// Ready, or until it fails.
	DistrictTime time.Duration
	// Fail is how many of the districts that have to be changed fail, as a
	// number or a percentage (rounded up).
	Fail intstr.IntOrString
	// Seed chooses which of them fail.
	Seed uint64
}

// EventType says what happened.
type EventType string

// Types of events.
const (
	// Approved is a stage that a person approves.
	Approved EventType = "Approved"
	// Started are districts that go to the release.
	Started EventType = "Started"
	// Done are districts that run the release and are Ready.
	Done EventType = "Done"
	// Failed are districts that count as failed from now on.
	Failed EventType = "Failed"
	// Completed is a stage whose districts are all done; its soak begins.
	Completed EventType = "Completed"
)

// Event is something that happens to districts of one stage at one time.
type Event struct {
	Time      time.Time `json:"time"`
	Type      EventType `json:"type"`
	Stage     string    `json:"stage"`
	Districts []string  `json:"districts,omitempty"`
}

// Times are when a district started and ended in the story; zero if it did not.
type Times struct {
	Start, End time.Time
}

// Story is what would happen.
type Story struct {
	Events []Event
	// Times has the districts that were changed, or on their way, by name.
	Times map[string]Times
	// Last is the plan at the end, when nothing happens any more.
	Last planner.Decision
	// End is the time of the last event, or the start if there is none.
	End time.Time
}
