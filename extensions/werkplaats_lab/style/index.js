import './notice.css';
import './data.css';
import './company.css';
