package onboard

import (
	"errors"
	"slices"
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
		keepComments(field.Value.YNode(), wanted.YNode())
		*field.Value.YNode() = *wanted.YNode()
	}
	e.file.changed = true
}

// keepComments gives a new value the comments of the old one.
func keepComments(was, is *yaml.Node) {
	is.HeadComment, is.LineComment, is.FootComment = was.HeadComment, was.LineComment, was.FootComment
}

// setNumber writes a whole number, unless it is there already.
func (e *edit) setNumber(value int, path ...string) { e.setNumberIn(e.node, value, path...) }

func (e *edit) setNumberIn(parent *yaml.RNode, value int, path ...string) {
	if e.err != nil {
		return
	}
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: yaml.NodeTagInt, Value: strconv.Itoa(value)}
	if old, err := parent.Pipe(yaml.Lookup(path...)); err == nil && old != nil {
		if old.YNode().Value == node.Value {
			return
		}
		keepComments(old.YNode(), node)
	}
	last := len(path) - 1
	e.file.changed = true
	e.err = parent.PipeE(
		yaml.LookupCreate(yaml.MappingNode, path[:last]...),
		yaml.SetField(path[last], yaml.NewRNode(node)))
}

// setPosts writes what the list says of Pustu, or of the Posyandu of each desa.
// Others stay, and so do comments and the order.
func (e *edit) setPosts(wanted []post, path ...string) {
	if len(wanted) == 0 || e.err != nil {
		return
	}
	list, err := e.node.Pipe(yaml.Lookup(path...))
	if err != nil {
		e.err = err
		return
	}
	entries := entriesOf(list, wanted)
	for i, p := range wanted {
		entry := entries[i]
		switch {
		case p.none && entry == nil:
			continue
		case p.none:
			e.remove(list, entry)
			continue
		case entry == nil:
			if list, err = e.node.Pipe(yaml.LookupCreate(yaml.SequenceNode, path...)); err != nil {
				e.err = err
				return
			}
			entry = &yaml.Node{Kind: yaml.MappingNode}
			list.YNode().Content = append(list.YNode().Content, entry)
		}
		e.setIn(yaml.NewRNode(entry), "desa", p.desa)
		if p.name != "" && e.err == nil {
			e.setIn(yaml.NewRNode(entry), "name", p.name)
		}
		for _, n := range p.numbers {
			e.setNumberIn(yaml.NewRNode(entry), n.value, n.field)
		}
	}
	if list != nil && len(list.Content()) == 0 {
		last := len(path) - 1
		e.err = errors.Join(e.err, e.node.PipeE(yaml.Lookup(path[:last]...), yaml.Clear(path[last])))
	}
}

// entriesOf finds the entry of each post, or nil. A Pustu is the one of its desa
// with its name; or with another name, where list and file have one in the desa.
func entriesOf(list *yaml.RNode, wanted []post) []*yaml.Node {
	there := map[string][]*yaml.Node{}
	if list != nil {
		for _, entry := range list.Content() {
			desa := valueOf(entry, "desa")
			there[desa] = append(there[desa], entry)
		}
	}
	inDesa := map[string]int{}
	for _, p := range wanted {
		inDesa[p.desa]++
	}
	entries := make([]*yaml.Node, len(wanted))
	for i, p := range wanted {
		named := slices.IndexFunc(there[p.desa], func(entry *yaml.Node) bool { return valueOf(entry, "name") == p.name })
		switch {
		case named >= 0:
			entries[i] = there[p.desa][named]
		case len(there[p.desa]) == 1 && inDesa[p.desa] == 1:
			entries[i] = there[p.desa][0]
		}
	}
	return entries
}

// valueOf is a scalar of an entry, or empty.
func valueOf(entry *yaml.Node, field string) string {
	if f := yaml.NewRNode(entry).Field(field); f != nil {
		return f.Value.YNode().Value
	}
	return ""
}

func (e *edit) remove(list *yaml.RNode, entry *yaml.Node) {
	content := list.YNode().Content
	list.YNode().Content = slices.DeleteFunc(content, func(other *yaml.Node) bool { return other == entry })
	e.file.changed = true
}

// entriesBy finds the entries of a list by one of their fields.
func entriesBy(key string, list *yaml.RNode) map[string]*yaml.Node {
	entries := map[string]*yaml.Node{}
	if list == nil {
		return entries
	}
	for _, entry := range list.Content() {
		if value := valueOf(entry, key); value != "" {
			entries[value] = entry
		}
	}
	return entries
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
	entries := entriesBy("code", list)
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
