// Package pace names every delay of the operator, so that they are read, and in
// tests set, in one place.
package pace

import "time"

// Pace is how long the operator waits for what. Things that the operator
// watches wake it at once; what is named Recheck is how often it looks at what
// it does not watch, or cannot.
type Pace struct {
	// Linger is how long a step on the way is kept out of the status. The next
	// step often follows at once; then only the last one costs a write, and a
	// short failure that has been put right costs none. Default 5 s.
	Linger time.Duration
	// CatchUp is how long the cache is given to show what has just been written.
	// Default 20 ms.
	CatchUp time.Duration
	// Settle is how long what has just been ordered is given before it is looked
	// at: a deletion, or the next step of the same resource. Default 1 s.
	Settle time.Duration
	// Rights is after which time a call is first repeated that was refused
	// because the rights in a new namespace are still on their way to the API
	// server's authorizer; it doubles each time. Default 20 ms.
	Rights time.Duration

	// Patience is how long a stage may take before its pods are asked why. It
	// spares the API server while everything goes its usual way. Default 10 s.
	Patience time.Duration
	// StageRecheck is how often a stage that is not ready is looked at although
	// nothing has changed: its pods may have. Default 15 s.
	StageRecheck time.Duration
	// RefusedRecheck is how often an object is tried again that the API server or
	// a policy refuses, or that is somebody else's. Default 1 minute.
	RefusedRecheck time.Duration

	// SecretDoubt is how long a Secret is taken to be there while its owner is
	// not ready. Losing one keeps the owner from getting ready, so then it is
	// looked at. Default 1 minute.
	SecretDoubt time.Duration
	// CredentialsRecheck is how often missing credentials are looked for: Secrets
	// are not watched. Default 30 s.
	CredentialsRecheck time.Duration
	// DataRecheck is how often missing data is looked for: it may come back
	// without a label by which the operator would see it. Default 1 minute.
	DataRecheck time.Duration
	// StorageRecheck is how often a size that was refused is tried again: a
	// StorageClass and its driver are not watched. Default 1 minute.
	StorageRecheck time.Duration

	// NamespaceRecheck is how often a namespace of somebody else, or one that is
	// being deleted, is looked at. Default 30 s.
	NamespaceRecheck time.Duration
	// ReleaseRecheck is how often a release is looked for that a stack needs and
	// that does not exist, where its coming would not be seen. Default 30 s.
	ReleaseRecheck time.Duration
	// JobRecheck is how often the pods of a schema Job that is in the way are
	// looked at. Default 5 s.
	JobRecheck time.Duration
	// WaveShortest and WaveLongest bound how long a wave sleeps until something
	// in it is due: a clock may be changed meanwhile. Default 1 s and 1 hour.
	WaveShortest, WaveLongest time.Duration

	// DeletionRecheck is how often a namespace that is being deleted is looked
	// at. Default 5 s.
	DeletionRecheck time.Duration
	// DropRecheck is how often a facility that goes with its data is looked at.
	// Default 5 s.
	DropRecheck time.Duration
	// StoppedRecheck is how often PostgreSQL is looked at that a person has
	// stopped. Default 30 s.
	StoppedRecheck time.Duration
	// Overdue is how long after its grace period a pod counts as one that does
	// not end. Default 1 minute.
	Overdue time.Duration

	// Counts is how often those are counted who use a release. That somebody does
	// is written at once, since the policy that protects it depends on that.
	// Default 5 s.
	Counts time.Duration
}

// Default is the pace of an operator in a cluster.
func Default() Pace {
	return Pace{
		Linger:             5 * time.Second,
		CatchUp:            20 * time.Millisecond,
		Settle:             time.Second,
		Rights:             20 * time.Millisecond,
		Patience:           10 * time.Second,
		StageRecheck:       15 * time.Second,
		RefusedRecheck:     time.Minute,
		SecretDoubt:        time.Minute,
		CredentialsRecheck: 30 * time.Second,
		DataRecheck:        time.Minute,
		StorageRecheck:     time.Minute,
		NamespaceRecheck:   30 * time.Second,
		ReleaseRecheck:     30 * time.Second,
		JobRecheck:         5 * time.Second,
		WaveShortest:       time.Second,
		WaveLongest:        time.Hour,
		DeletionRecheck:    5 * time.Second,
		DropRecheck:        5 * time.Second,
		StoppedRecheck:     30 * time.Second,
		Overdue:            time.Minute,
		Counts:             5 * time.Second,
	}
}
