"""What the pages of all apps share: how forms are drawn, the tags of every template."""
