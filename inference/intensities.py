"""Where strips of pictures stand, in steps of a direction. No torch in here: pages ask as well.

+1 is as far as the pair went; of a community direction, about as much of the change as its pairs show, strong
ones counting more. -1 is the same way backwards, which no pair shows. What was looked at on Drawn Portraits
(community directions of eight changes, see docs/library.md) gives the ends: at +1 every picture is a face, at
-1 most are, and beyond one and a half steps pictures dissolve.
"""

from __future__ import annotations

STRIP = (-1.0, -0.5, 0.0, 0.5, 1.0)
