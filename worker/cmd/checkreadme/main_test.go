package main

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"nothing to find": {text: "# A title\n\nwords\n"},
		"an anchor as GitHub makes it": {
			text: "# What, *then*: `make dev` & co.?\n[a](#what-then-make-dev--co)\n## Über Köln_\n[b](#über-köln_)\n",
		},
		"the second heading of a name has a number": {text: "## Same\n## Same\n[a](#same-1)\n[b](#same-2)\n",
			want: []string{"README.md:4: no heading makes the anchor #same-2"}},
		"a heading that is a link": {text: "## [Text](https://example.com/x)\n[a](#text)\n"},
		"an anchor by hand":        {text: "<a id=\"here\"></a>\n[a](#here)\n"},
		"an anchor that nothing makes": {text: "[a](#there)\n",
			want: []string{"README.md:1: no heading makes the anchor #there"}},
		"a heading in code is none": {text: "```\n# Comment\n```\n[a](#comment)\n",
			want: []string{"README.md:4: no heading makes the anchor #comment"}},
		"a file that is there": {text: "[a](worker/js/entry.mjs) ![b](www/img/shop.png \"a shop\") " +
			"<img src=\"www/img/shop.png\"> [folder](worker/)\n[label]: www/img/shop.png\n"},
		"files that are not there": {
			text: "[a](worker/nothing.mjs) and\n![b](img/x.png) and <img src=\"www/y.png\"> and\n[label]: z.md\n",
			want: []string{"README.md:1: there is no worker/nothing.mjs", "README.md:2: there is no img/x.png",
				"README.md:2: there is no www/y.png", "README.md:3: there is no z.md"},
		},
		"another file's anchors": {text: "[a](docs/more.md#one) [b](docs/more.md#two)\n",
			want: []string{"README.md:1: no heading of docs/more.md makes the anchor #two"}},
		"other sites' addresses": {
			text: "[a](https://example.com/x#y) [b](mailto:a@example.com) [c](http://localhost:8787/) " +
				"[d](http://example.com/)\n",
			want: []string{"README.md:1: http://example.com/ is not https"},
		},
		"what is no address": {text: "[a]() [b](https://%zz)\n",
			want: []string{`README.md:1: "" is no address`, `README.md:1: "https://%zz" is no address`}},
		"a link in code is none": {text: "`[a](nowhere.md)`\n```\n[a](nowhere.md)\n```\n"},
		"targets of make": {
			text: "Run `make dev`, `PORT=0 make dev` or `make test PATIENCE=9 -j2`; make hay.\n```sh\nmake lint && make hay " +
				" # make noise\n```\n`make deploy-all`\n",
			want: []string{"README.md:3: the Makefile has no target hay", "README.md:5: the Makefile has no target deploy-all"},
		},
		"files of the repository that are named": {
			text: "`worker/js/entry.mjs`, `worker/`, `www/build/check.js`, `www/de/page.html`, `worker/<name>`, `POST /api/x`, `Makefile`, " +
				"`worker/gone.go`\n",
			want: []string{"README.md:1: there is no worker/gone.go"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			problems, err := check(fstest.MapFS{
				"README.md": {Data: []byte(c.text)},
				"Makefile": {Data: []byte("SHELL := /bin/bash\nX ?= 1\n\nhelp: ## List\n\techo\ndev test: " +
					"tools\n\tmake x\nlint:\n")},
				"worker/js/entry.mjs": {}, "www/img/shop.png": {}, "docs/more.md": {Data: []byte("# One\n")},
			}, "README.md")
			require.NoError(t, err)
			assert.Equal(t, c.want, problems)
		})
	}
}

func TestAFileThatIsNotThereIsSaid(t *testing.T) {
	_, err := check(fstest.MapFS{"Makefile": {}}, "README.md")
	assert.ErrorContains(t, err, "README.md")
	_, err = check(fstest.MapFS{"README.md": {}}, "README.md")
	assert.ErrorContains(t, err, "Makefile")
}
