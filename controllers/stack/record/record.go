// Package record is what the operator writes down of data that it has seen, so
// that data which vanished is missed and not made anew.
//
// A record outlives the object that it is of and the status of its writer: it is
// an annotation of the district's Namespace, one key for each writer, so that no
// two share a field.
package record

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/inventory"
)

// District is the writer of the record of a district's own data; a Puskesmas
// writes under its code (see WriterOf).
const District = "district"

// Record is what one writer knows of its data.
type Record struct {
	// SystemID is PostgreSQL's own identifier of the data that it serves, as
	// CloudNativePG reports it. A restored copy has the same.
	SystemID string `json:"systemID,omitempty"`
	// Target is the StackRelease that the stack is brought to; written before the
	// first change towards it. Running is the one that served before, until the
	// target does; where both are the same, or Running is empty, there is but one.
	Target  string `json:"target,omitempty"`
	Running string `json:"running,omitempty"`
	// Schema are the StackReleases that the schema of a facility's database may be
	// of: one, or several while it is brought from one to the next, in the order
	// in which that was begun.
	Schema []string `json:"schema,omitempty"`
	// RolledBack is the release whose RME failed and was put back, with a digest of
	// the spec with which it did. It is not tried again by itself.
	RolledBack *RolledBack `json:"rolledBack,omitempty"`
	// Retried are the values of the annotation ilp.health/retry-requested-at that
	// were last acted on.
	Retried string `json:"retried,omitempty"`
	// Postgres is the major version of PostgreSQL that made a district's data.
	Postgres string `json:"postgres,omitempty"`
	// Dashboard is the StackRelease that a district's dashboard is of, where it is
	// not Target yet: it comes last, and is not put back once it has begun.
	Dashboard string `json:"dashboard,omitempty"`
	// Profile and Program tell which program works on a facility's database;
	// Program is the name of its image where the profile does not say it.
	Profile string `json:"profile,omitempty"`
	Program string `json:"program,omitempty"`
	// Objects are the objects that hold data or let it be read, as kind/name,
	// with a digest of what is in them for Secrets. Where they were never written
	// down there are none, which is not the same as an empty list.
	Objects map[string]string `json:"objects,omitzero"`
}

// RolledBack is a release whose RME failed.
type RolledBack struct {
	Release string `json:"release"`
	// Spec is a digest of the Puskesmas' spec.
	Spec string `json:"spec"`
}

// WriterOf is the writer of the record of a Puskesmas with a code.
func WriterOf(code string) string { return strings.ToLower(code) }

// Key is the annotation of a writer's record.
func Key(writer string) string { return v1alpha1.AnnotationRecordPrefix + writer }

// Name is what an object is called in a record.
func Name(ref inventory.Ref) string { return ref.GVK.Kind + "/" + ref.Key.Name }

// Anew is the record of a writer that begins anew, as a person has agreed: on the
// release that it is brought to, with nothing of the data of before. What its
// status tells of the time before counts no more.
func (r *Record) Anew() *Record {
	anew := &Record{Objects: map[string]string{}}
	if r != nil {
		anew.Target, anew.Retried, anew.Postgres = cmp.Or(r.Target, r.Running), r.Retried, r.Postgres
	}
	return anew
}

// Read finds the record of a writer among annotations; it is nil if there is none.
func Read(annotations map[string]string, writer string) (*Record, error) {
	raw, ok := annotations[Key(writer)]
	if !ok {
		return nil, nil
	}
	r := &Record{}
	if err := json.Unmarshal([]byte(raw), r); err != nil {
		return nil, fmt.Errorf("annotation %s is not a record: %w", Key(writer), err)
	}
	return r, nil
}

// Writers lists who has a record among annotations, sorted.
func Writers(annotations map[string]string) []string {
	var writers []string
	for key := range annotations {
		if writer, ok := strings.CutPrefix(key, v1alpha1.AnnotationRecordPrefix); ok {
			writers = append(writers, writer)
		}
	}
	slices.Sort(writers)
	return writers
}

// Equal reports whether two records say the same.
func (r *Record) Equal(other *Record) bool {
	if r == nil || other == nil {
		return r == other
	}
	// An empty list of objects is not the same as none, so their lengths do not tell.
	return (r.Objects == nil) == (other.Objects == nil) && equality.Semantic.DeepEqual(r, other)
}

// Has reports whether an object is in a record, and with which digest.
func (r *Record) Has(ref inventory.Ref) (digest string, found bool) {
	if r == nil {
		return "", false
	}
	digest, found = r.Objects[Name(ref)]
	return digest, found
}

// Copy is a copy that may be changed, an empty record for none.
func (r *Record) Copy() *Record {
	if r == nil {
		return &Record{}
	}
	c := *r
	c.Objects = maps.Clone(r.Objects)
	c.Schema = slices.Clone(r.Schema)
	return &c
}

// Digest tells the contents of one Secret from those of another, and nothing of them.
func Digest(data map[string][]byte) string {
	h := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(data)) {
		h.Write([]byte(strconv.Itoa(len(key)) + " " + key + strconv.Itoa(len(data[key])) + " "))
		h.Write(data[key])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Program is the name by which an image is known as a program: the last part of
// its repository, without registry, tag and digest.
func Program(image string) string {
	repository, _, _ := strings.Cut(image, "@")
	name := repository[strings.LastIndex(repository, "/")+1:]
	name, _, _ = strings.Cut(name, ":")
	return name
}

// encode is what the annotation's value is.
func (r *Record) encode() string {
	raw, err := json.Marshal(r)
	if err != nil {
		panic(fmt.Sprintf("a record is plain data: %v", err))
	}
	return string(raw)
}
