package onboard

import (
	"strconv"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// edit changes fields of one object and leaves everything else as it is. The
// first error ends it.
type edit struct {
	found
	err error
}

// set writes a field, unless value is empty or there already.
func (e *edit) set(value string, path ...string) {
	if value == "" || e.err != nil {
		return
	}
	last := len(path) - 1
	parent, err := e.node.Pipe(yaml.LookupCreate(yaml.MappingNode, path[:last]...))
	if err != nil {
		e.err = err
		return
	}
	e.setIn(parent, path[last], value)
}

func (e *edit) setIn(parent *yaml.RNode, name, value string) {
	wanted := text(value)
	field := parent.Field(name)
	switch {
	case field == nil:
		e.err = parent.PipeE(yaml.SetField(name, wanted))
	case field.Value.YNode().Kind == yaml.ScalarNode && field.Value.YNode().ShortTag() == yaml.NodeTagString && field.Value.YNode().Value == value:
		return
	default:
		// The comments of the old value stay.
		was, is := field.Value.YNode(), wanted.YNode()
		is.HeadComment, is.LineComment, is.FootComment = was.HeadComment, was.LineComment, was.FootComment
		*was = *is
	}
	e.file.changed = true
}

// setNumber writes a whole number, unless it is there already.
func (e *edit) setNumber(value int, path ...string) {
	if e.err != nil {
		return
	}
	number := strconv.Itoa(value)
	if old, err := e.node.Pipe(yaml.Lookup(path...)); err == nil && old != nil && old.YNode().Value == number {
		return
	}
	last := len(path) - 1
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: yaml.NodeTagInt, Value: number}
	e.file.changed = true
	e.err = e.node.PipeE(
		yaml.LookupCreate(yaml.MappingNode, path[:last]...),
		yaml.SetField(path[last], yaml.NewRNode(node)))
}

// setDesa writes the list of desa in the order of the list. Entries that are
// there keep their comments.
func (e *edit) setDesa(wanted []place) {
	if len(wanted) == 0 || e.err != nil {
		return
	}
	list, err := e.node.Pipe(yaml.LookupCreate(yaml.SequenceNode, "spec", "desa"))
	if err != nil {
		e.err = err
		return
	}
	entries := map[string]*yaml.Node{}
	for _, entry := range list.Content() {
		if field := yaml.NewRNode(entry).Field("code"); field != nil {
			entries[field.Value.YNode().Value] = entry
		}
	}
	var content []*yaml.Node
	for _, d := range wanted {
		entry := entries[d.code]
		if entry == nil {
			entry = &yaml.Node{Kind: yaml.MappingNode}
		}
		e.setIn(yaml.NewRNode(entry), "code", d.code)
		if e.err == nil {
			e.setIn(yaml.NewRNode(entry), "name", d.name)
		}
		content = append(content, entry)
	}
	before := list.Content()
	same := len(before) == len(content)
	for i := 0; same && i < len(content); i++ {
		same = before[i] == content[i]
	}
	if !same {
		list.YNode().Content = content
		e.file.changed = true
	}
}

// text is a string that every reader of YAML takes for one.
func text(value string) *yaml.RNode {
	node := yaml.NewStringRNode(value)
	if yaml.IsYaml1_1NonString(node.YNode()) || yaml.IsYaml1_1NonString(yaml.NewScalarRNode(value).YNode()) {
		node.YNode().Style = yaml.DoubleQuotedStyle
	}
	return node
}
