import json

import numpy as np
import pytest

from glxflow.report.page import as_json, label, packed


@pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", "<!--", "a & b", "\u2028"])
def test_no_text_leaves_a_script_element(text):
    encoded = as_json({"name": text})
    assert not set("<>&\u2028") & set(encoded)
    assert json.loads(encoded) == {"name": text}


def test_a_figure_with_nan_is_refused_rather_than_broken():
    with pytest.raises(ValueError, match="JSON"):
        as_json({"y": [float("nan")]})


def test_packing_keeps_numbers_and_gaps(unpacked):
    values = np.array([1.0, np.nan, -2.5e-3, 1e6])
    # 32-bit floats carry 24 bits: 6e-8 relative.
    np.testing.assert_allclose(unpacked(packed(values)), values, rtol=6e-8)


def test_plotly_shows_labels_literally():
    assert label("<b>Glu</b> & x") == "&lt;b&gt;Glu&lt;/b&gt; &amp; x"
