package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/kustomize/api/konfig"
	k8syaml "sigs.k8s.io/yaml"
)

var extensions = []string{".yaml", ".yml", ".json"}

// Object is an object and the file it is written in.
type Object struct {
	*unstructured.Unstructured
	File string
}

// Problem is one of this object.
func (o Object) Problem(path, message string) Problem {
	return Problem{File: o.File, Object: o.Title(), Path: path, Message: message}
}

// Title names the object, such as Puskesmas ilp-6105/tebidah.
func (o Object) Title() string {
	name := o.GetName()
	if o.GetNamespace() != "" {
		name = o.GetNamespace() + "/" + name
	}
	return o.GetKind() + " " + name
}

// Set is what was read.
type Set struct {
	Objects []Object
	// Problems are files that are not objects, and folders that do not build.
	Problems []Problem
}

// Read reads files; folders, by building those that have a kustomization and
// taking all files of the others; and in for "-". The error says that something
// cannot be opened, not that it is wrong.
func Read(paths []string, in io.Reader) (*Set, error) {
	s := &Set{}
	for _, path := range paths {
		if err := s.add(path, in); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Set) add(path string, in io.Reader) error {
	if path == "-" {
		content, err := io.ReadAll(in)
		if err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
		s.parse("standard input", content)
		return nil
	}
	return filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if kustomization(name) == "" {
				return nil
			}
			s.build(name)
			return fs.SkipDir
		case name != path && !slices.Contains(extensions, filepath.Ext(name)):
			return nil
		}
		content, err := os.ReadFile(name) //nolint:gosec // the user named it
		if err != nil {
			return err
		}
		s.parse(name, content)
		return nil
	})
}

// kustomization is the file that makes a kustomization of a folder, or empty.
func kustomization(folder string) string {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if info, err := os.Stat(filepath.Join(folder, name)); err == nil && info.Mode().IsRegular() {
			return filepath.Join(folder, name)
		}
	}
	return ""
}

// Parse reads the documents of one file.
func Parse(file string, content []byte) *Set {
	s := &Set{}
	s.parse(file, content)
	return s
}

// parse goes on behind a document that is wrong, so that everything is told at once.
func (s *Set) parse(file string, content []byte) {
	reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			s.Problems = append(s.Problems, Problem{File: file, Message: err.Error()})
			return
		}
		text, err := k8syaml.YAMLToJSONStrict(document)
		if err != nil {
			s.Problems = append(s.Problems, Problem{File: file, Message: "not YAML: " + strings.Join(strings.Fields(err.Error()), " ")})
			continue
		}
		if !bytes.Equal(text, []byte("null")) {
			s.take(file, text)
		}
	}
}

// take keeps one document, or all objects of a List.
func (s *Set) take(file string, text []byte) {
	object, err := decode(text)
	if err != nil {
		s.Problems = append(s.Problems, Problem{File: file, Message: "no object: " + err.Error()})
		return
	}
	if object.IsList() {
		// The callback returns no error, and a List whose items are none was refused above.
		_ = object.EachListItem(func(item runtime.Object) error {
			s.Objects = append(s.Objects, Object{item.(*unstructured.Unstructured), file})
			return nil
		})
		return
	}
	s.Objects = append(s.Objects, Object{object, file})
}

func decode(text []byte) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(text); err != nil {
		return nil, err
	}
	if object.GetAPIVersion() == "" {
		return nil, errors.New("apiVersion is missing")
	}
	return object, nil
}
