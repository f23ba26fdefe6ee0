package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// A Column of a table. Width is that of a terminal table, with a space either
// side; longer cells are cut.
type Column struct {
	Name  string
	Width int
	Left  bool
}

// MaxWidth is the width that no table in a terminal exceeds.
const MaxWidth = 100

// A Table shows rows as they come, in a terminal or as Markdown.
type Table struct {
	table    *tablewriter.Table
	columns  []Column
	markdown bool
}

// NewTable starts a table and shows its header.
func NewTable(w io.Writer, markdown bool, columns ...Column) (*Table, error) {
	align, widths, names := tw.Alignment{}, tw.NewMapper[int, int](), []string{}
	for i, c := range columns {
		a := tw.AlignRight
		if c.Left {
			a = tw.AlignLeft
		}
		align, names = append(align, a), append(names, c.Name)
		widths.Set(i, c.Width)
	}
	options := []tablewriter.Option{
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithAlignment(align),
	}
	if markdown {
		options = append(options, tablewriter.WithRenderer(renderer.NewMarkdown()))
	} else {
		options = append(options,
			tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
				Borders:  tw.BorderNone,
				Symbols:  tw.NewSymbols(tw.StyleASCII),
				Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
			})),
			tablewriter.WithStreaming(tw.StreamConfig{Enable: true}),
			tablewriter.WithColumnWidths(widths))
	}
	t := &Table{table: tablewriter.NewTable(w, options...), columns: columns, markdown: markdown}
	if !markdown {
		if err := t.table.Start(); err != nil {
			return nil, fmt.Errorf("table: %w", err)
		}
	}
	t.table.Header(names)
	return t, nil
}

// Row adds a row: a cell per column.
func (t *Table) Row(cells ...string) error {
	for i, c := range cells {
		switch room := t.columns[i].Width - 2; {
		case t.markdown:
			cells[i] = strings.ReplaceAll(c, "|", `\|`) // the library does not
		case len([]rune(c)) > room:
			cells[i] = string([]rune(c)[:room-1]) + "…"
		}
	}
	if err := t.table.Append(cells); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	return nil
}

// Close ends the table. One in Markdown appears only now, for its columns are
// as wide as their widest cell.
func (t *Table) Close() error {
	end := t.table.Close
	if t.markdown {
		end = t.table.Render
	}
	if err := end(); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	return nil
}

// Wrap breaks a text between words, so that no line is wider than a table; lines
// after the first start with indent.
func Wrap(text, indent string) string {
	var b strings.Builder
	width := len(indent)
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case width+1+len(word) > MaxWidth:
			b.WriteString("\n" + indent)
			width = len(indent)
		default:
			b.WriteString(" ")
			width++
		}
		b.WriteString(word)
		width += len(word)
	}
	return b.String()
}
