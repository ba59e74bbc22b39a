package tree

import (
	"strings"

	"ilp.health/operator/cmd/kubectl-ilp/internal/page"
	"ilp.health/operator/cmd/kubectl-ilp/internal/parts"
)

// longestMessage of a line, in bytes.
const longestMessage = 100

var marks = map[parts.State]string{
	parts.Ready: page.Good, parts.Progressing: page.OnWay, parts.Unknown: page.OnWay, parts.Failed: page.Bad, parts.Missing: page.Bad,
}

func text(p *parts.Part) string {
	line := marks[p.State] + " "
	if p.Kind != groupComponent && p.Kind != groupKept {
		line += p.Kind + " "
	}
	line += p.Name
	if p.Message != "" {
		line += ": " + page.Short(p.Message, longestMessage)
	}
	return line
}

func branches(p *page.Page, list []*parts.Part, indent string) {
	list = together(list)
	for i, part := range list {
		branch, below := "├─ ", "│  "
		if i == len(list)-1 {
			branch, below = "└─ ", "   "
		}
		p.Sayf("%s", indent+branch+text(part))
		branches(p, part.Parts, indent+below)
	}
}

// together puts neighbours of one kind that do their work, and have nothing below
// them, on one line.
func together(list []*parts.Part) []*parts.Part {
	var out []*parts.Part
	for _, part := range list {
		if len(out) > 0 {
			if last := out[len(out)-1]; plain(last) && plain(part) && last.Kind == part.Kind {
				joined := *last
				joined.Name = strings.Join([]string{last.Name, part.Name}, ", ")
				out[len(out)-1] = &joined
				continue
			}
		}
		out = append(out, part)
	}
	return out
}

func plain(p *parts.Part) bool {
	return p.State == parts.Ready && len(p.Parts) == 0 && p.Object != nil
}
