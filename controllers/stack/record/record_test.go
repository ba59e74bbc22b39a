package record

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

// TestRecord: what is written is read again, and nothing, a record that was
// never filled and one that begins anew are three things.
func TestRecord(t *testing.T) {
	for name, r := range map[string]*Record{
		"none":            nil,
		"never filled":    {SystemID: "7441"},
		"begins anew":     Anew(),
		"a facility's":    {SystemID: "7441", Profile: "custom", Program: "simpus", Objects: map[string]string{"Secret/a-database": "abc", "Database/a-database": ""}},
		"without systems": {Profile: "gnuhealth", Objects: map[string]string{}},
	} {
		annotations := map[string]string{"other": "x"}
		if r != nil {
			annotations[Key("p6107080201")] = r.encode()
		}
		again, err := Read(annotations, WriterOf("P6107080201"))
		if err != nil || !again.Equal(r) || !r.Equal(again) {
			t.Errorf("%s: read %+v (%v), want %+v", name, again, err, r)
		}
	}
	if (&Record{}).Equal(Anew()) || Anew().Equal(nil) || (*Record)(nil).Equal(&Record{}) {
		t.Error("nothing, never filled and anew are taken for the same")
	}
	if value := (&Record{SystemID: "7441"}).encode(); value != `{"systemID":"7441"}` {
		t.Errorf("a record is written as %s", value)
	}
	if _, err := Read(map[string]string{Key(District): "no JSON"}, District); err == nil || !strings.Contains(err.Error(), "annotation data.ilp.health/district is not a record") {
		t.Errorf("a value that is no record gives %v", err)
	}
	if got := Writers(map[string]string{Key("p2"): "", "x": "", Key(District): ""}); !slices.Equal(got, []string{District, "p2"}) {
		t.Errorf("the writers are %v", got)
	}
}

// TestCopy: a copy is independent.
func TestCopy(t *testing.T) {
	r := &Record{Objects: map[string]string{"a": "1"}}
	c := r.Copy()
	c.Objects["a"] = "2"
	if r.Objects["a"] != "1" || (*Record)(nil).Copy() == nil {
		t.Error("a copy shares what it is of")
	}
}

// TestDigest: every key and every byte counts, and where one ends and the next begins.
func TestDigest(t *testing.T) {
	data := func(pairs ...string) map[string][]byte {
		out := map[string][]byte{}
		for i := 0; i < len(pairs); i += 2 {
			out[pairs[i]] = []byte(pairs[i+1])
		}
		return out
	}
	seen := map[string]int{}
	for i, d := range []map[string][]byte{
		data(), data("a", ""), data("a", "b"), data("ab", ""), data("a", "b", "c", "d"), data("a", "bc", "d", ""), data("a", "b1 c", "d", ""), data("username", "a", "password", "b"),
	} {
		digest := Digest(d)
		if before, ok := seen[digest]; ok || len(digest) != 16 {
			t.Errorf("%d has digest %q, as %d has", i, digest, before)
		}
		seen[digest] = i
	}
	if Digest(data("a", "1", "b", "2")) != Digest(data("b", "2", "a", "1")) {
		t.Error("the order of keys counts")
	}
}

func TestProgram(t *testing.T) {
	for image, want := range map[string]string{
		"simpus:2.1":                           "simpus",
		"registry.example.test/kab/simpus:2.1": "simpus",
		"registry.example.test:5000/simpus":    "simpus",
		"registry.example.test:5000/kab/simpus@sha256:" + strings.Repeat("0", 64):     "simpus",
		"registry.example.test:5000/kab/simpus:2.1@sha256:" + strings.Repeat("0", 64): "simpus",
	} {
		if got := Program(image); got != want {
			t.Errorf("%s is %q, want %q", image, got, want)
		}
	}
}

// TestStore: what was written is read although the cache does not show it yet,
// and a later change that the cache shows counts.
func TestStore(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	server := fake.NewClientBuilder().WithScheme(scheme).WithObjects(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ilp-6105", Annotations: map[string]string{"kept": "yes"}}}).Build()
	cache := &lagging{Client: server}
	s := &Store{Client: cache}
	read := func(writer string) string {
		t.Helper()
		r, err := s.Read(t.Context(), "ilp-6105", writer)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	write := func(records map[string]*Record) {
		t.Helper()
		if err := s.Write(t.Context(), "ilp-6105", records); err != nil {
			t.Fatal(err)
		}
	}
	cache.hold(t)
	for i := range 3 {
		write(map[string]*Record{District: {SystemID: fmt.Sprint(i)}, fmt.Sprintf("p%d", i): Anew()})
	}
	if got := read(District); got != `{"systemID":"2"}` {
		t.Errorf("while the cache lags it reads %s", got)
	}
	if got, err := s.Writers(t.Context(), "ilp-6105"); err != nil || !slices.Equal(got, []string{District, "p0", "p1", "p2"}) {
		t.Errorf("the writers are %v (%v)", got, err)
	}
	write(map[string]*Record{"p1": nil})
	cache.held = nil
	if got := read("p1"); got != "null" {
		t.Errorf("what is taken away reads as %s", got)
	}
	if len(s.written) != 0 {
		t.Error("it remembers what the cache shows")
	}
	var namespace corev1.Namespace
	if err := server.Get(t.Context(), client.ObjectKey{Name: "ilp-6105"}, &namespace); err != nil || namespace.Annotations["kept"] != "yes" {
		t.Errorf("the annotations of others are %v (%v)", namespace.Annotations, err)
	}
	if r, err := s.Read(t.Context(), "ilp-6199", District); r != nil || err != nil {
		t.Errorf("a namespace that does not exist has %v (%v)", r, err)
	}
}
